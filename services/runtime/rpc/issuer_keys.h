// Keeps a verifier's keys those that the city's issuer publishes at a URL (RFC 7517), and through an outage of the
// issuer the last good ones for a stated time.
//
//   IssuerKeys keys(&verifier, {.url = "https://id.city.example/jwks.json"}, NewCurlGet("…"), clock);
//   keys.Start();
//
// It is asked at the start, then every so often, sooner after a failure, and soon after a token by a key that nobody
// knows (Want), though not more often than every 30 seconds, whatever tokens come. An answer that is no key set, or one
// that TokenVerifier does not take, changes nothing. The last good set is kept in a file where one is named: a process
// that starts while the issuer is away goes on with it for what is left of its time, and one without it checks no token
// until the issuer is back.
//
// Thread-safe but for Start. Fetching happens on a thread of its own; the destructor waits for one that is under way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runtime/rpc/auth.h"

namespace civicmesh {

class Clock;

struct IssuerKeysOptions {
  std::string url;
  absl::Duration every = absl::Minutes(5);
  absl::Duration good_for = absl::Hours(24);  // after the last good answer no token is believed
  std::string kept_in = "";                   // a file that nobody else may write; empty: none
};

class IssuerKeys {
 public:
  static constexpr absl::Duration kRetry = absl::Seconds(10);
  static constexpr absl::Duration kWanted = absl::Seconds(30);

  // The text at the URL; blocks for a bounded time.
  using Fetch = std::function<absl::StatusOr<std::string>()>;

  // Takes up the kept set, if it is of this URL and its time has not run out. `tokens` and `clock` outlive it.
  IssuerKeys(TokenVerifier* tokens, IssuerKeysOptions options, Fetch fetch, const Clock* clock);
  ~IssuerKeys();

  void Start();
  // Asks as soon as that may be. Does not block.
  void Want();

  // Asks the issuer if it is time; returns when it will be, by the steady clock. What the thread does, for tests
  // without it.
  int64_t Turn();

  // How long ago the set in use came from the issuer; nothing where there is none.
  std::optional<absl::Duration> age() const;
  // Whether tokens can be checked.
  bool good() const;

  struct Counts {
    int64_t good = 0, unreachable = 0, unusable = 0;
  };
  Counts counts() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
