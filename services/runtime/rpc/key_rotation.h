// Keeps a verifier's keys those of a key set that somebody else renews (RFC 7517): a file that the city's issuer, or
// whatever fetches from it, replaces whole.
//
// One thread. Look blocks for the reading of a small file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "services/runtime/rpc/auth.h"

namespace civicmesh {

class KeyRotation {
 public:
  static constexpr int64_t kEveryMs = 5000;

  // `read` answers the key set's text as it is now, "" where it cannot be read; empty: keys stay as they are. `current`
  // is what the verifier, which outlives this, has.
  KeyRotation(TokenVerifier* tokens, std::function<std::string()> read, std::string current)
      : tokens_(tokens), read_(std::move(read)), seen_(std::move(current)) {}

  // To be called several times a second with the steady clock. A text that cannot be read or holds no usable key
  // changes nothing: the keys before go on to hold, however long that lasts, and the log says so once.
  void Look(int64_t steady_ms);

 private:
  TokenVerifier* const tokens_;
  const std::function<std::string()> read_;
  std::string seen_;
  int64_t looked_ms_ = 0;
};

}  // namespace civicmesh
