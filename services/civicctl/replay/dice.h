// Chance that follows from a seed and the name of what it is cast for: the same name, the same throw, however many were
// thrown before and in whatever order. Immutable, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace civicmesh::civicctl {

class Dice {
 public:
  explicit Dice(std::string seed) : seed_(std::move(seed)) {}

  // From 0 up to, not including, 1.
  double Roll(std::string_view what) const;
  // From 0 up to, not including, `count`, which is positive.
  int Pick(std::string_view what, size_t count) const;
  bool Chance(std::string_view what, double probability) const { return Roll(what) < probability; }
  // Whole minutes, both bounds included.
  absl::Duration Minutes(std::string_view what, int least, int most) const;

  // A UUIDv7 whose time is `issued`; the rest follows from `what`.
  std::string RequestId(absl::Time issued, std::string_view what) const;

 private:
  const std::string seed_;
};

}  // namespace civicmesh::civicctl
