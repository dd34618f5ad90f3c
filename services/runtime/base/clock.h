// The time of this process, behind a port: tests hold it still.
//
// Business time is never asked of a clock (R7): it comes from the log. This one is for deadlines, token expiry and
// waits. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace civicmesh {

class Clock {
 public:
  virtual ~Clock() = default;

  // Since 1970; may jump.
  virtual int64_t wall_ms() const = 0;
  // Never goes back; only differences mean something.
  virtual int64_t steady_ms() const = 0;

  absl::Time wall() const { return absl::FromUnixMillis(wall_ms()); }

  // The machine's own; lives for ever.
  static const Clock* Real();
};

// Stands still until told.
class FakeClock : public Clock {
 public:
  explicit FakeClock(int64_t wall_ms = 1'750'000'000'000) : wall_ms_(wall_ms) {}
  int64_t wall_ms() const override { return wall_ms_; }
  int64_t steady_ms() const override { return steady_ms_; }
  void Advance(int64_t ms) {
    wall_ms_ += ms;
    steady_ms_ += ms;
  }

 private:
  int64_t wall_ms_;
  int64_t steady_ms_ = 1'000'000;
};

}  // namespace civicmesh
