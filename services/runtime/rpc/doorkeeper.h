// What a process needs to tell who calls, put together once: the verifier and what keeps its keys current, the counters
// of quotas and of tokens that are good once, and the gate over them. Says in the metrics how it is with each.
//
// One thread makes it and ticks it; the gate is thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "services/runtime/rpc/gate.h"
#include "services/runtime/rpc/issuer_keys.h"
#include "services/runtime/rpc/key_rotation.h"
#include "services/runtime/rpc/one_time_tokens.h"
#include "services/runtime/rpc/quota_meter.h"

namespace civicmesh {

class Once;
struct ProcessOptions;

class Doorkeeper {
 public:
  // INVALID_ARGUMENT: the key set, issuer or audience is unusable; a key set at a URL is only being asked for. `once`
  // may be null: no token that is good once is then taken. What is pointed to outlives it; `metrics` asks it no more
  // once it is gone, so it must not be asked then.
  static absl::StatusOr<std::unique_ptr<Doorkeeper>> Make(const ProcessOptions& options, Gate::People people,
                                                          Once* once, const Clock* clock, Metrics* metrics);

  const Gate* gate() const { return gate_.get(); }

  // To be called several times a second.
  void Tick();

  // There is a key set, or was one: false only from a start without one until the issuer has been reached.
  bool ready() const;
  // Tokens can be checked now.
  bool keys_good() const;

 private:
  Doorkeeper(Once* once, const Clock* clock) : clock_(clock), one_time_(once) {}
  void Tell(Metrics& metrics);

  const Clock* const clock_;
  OneTimeTokens one_time_;
  QuotaMeter quotas_;
  std::unique_ptr<TokenVerifier> tokens_;
  std::unique_ptr<KeyRotation> rotation_;    // of a file
  std::unique_ptr<IssuerKeys> issuer_keys_;  // of a URL
  std::unique_ptr<Gate> gate_;
};

}  // namespace civicmesh
