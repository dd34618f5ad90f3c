#include "services/runtime/rpc/doorkeeper.h"

#include <utility>

#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/curl_get.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/service_process.h"

namespace civicmesh {
namespace {

Metrics::Gauge ByOutcome(std::initializer_list<std::pair<const char*, int64_t>> counts) {
  Metrics::Gauge gauge;
  for (const auto& [outcome, count] : counts) gauge.push_back({{{"outcome", outcome}}, static_cast<double>(count)});
  return gauge;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Doorkeeper>> Doorkeeper::Make(const ProcessOptions& options, Gate::People people,
                                                             Once* once, const Clock* clock, Metrics* metrics) {
  std::unique_ptr<Doorkeeper> made(new Doorkeeper(once, clock));
  Doorkeeper* self = made.get();
  const bool by_url = !options.issuer_keys.url.empty();
  auto tokens = TokenVerifier::Make({.jwks = by_url ? "" : options.jwks,
                                     .keys_come_later = by_url,
                                     .issuer = options.issuer,
                                     .audience = options.audience,
                                     .audiences = options.audiences,
                                     .development = options.development_tokens,
                                     .unknown_key = [self] {
                                       if (self->issuer_keys_) self->issuer_keys_->Want();
                                     }});
  if (!tokens.ok()) return tokens.status();
  made->tokens_ = *std::move(tokens);
  if (by_url) {
    made->issuer_keys_ =
        std::make_unique<IssuerKeys>(self->tokens_.get(), options.issuer_keys,
                                     NewCurlGet(options.issuer_keys.url, options.issuer_authorities), clock);
    made->issuer_keys_->Start();
  } else {
    made->rotation_ = std::make_unique<KeyRotation>(self->tokens_.get(), options.read_jwks, options.jwks);
  }
  made->gate_ = std::make_unique<Gate>(made->tokens_.get(), std::move(people), clock, options.driven_clock,
                                       Gate::Counters{.one_time = once ? &made->one_time_ : nullptr,
                                                      .quotas = &made->quotas_,
                                                      .agency_per_minute = options.agency_per_minute});
  made->Tell(*metrics);
  return made;
}

void Doorkeeper::Tell(Metrics& metrics) {
  metrics.ObserveGauge("civicmesh_agency_calls", "Calls of agencies since the start, by what their quotas said.",
                       [this] {
                         const auto [taken, refused] = quotas_.counts();
                         return ByOutcome({{"taken", taken}, {"over_quota", refused}});
                       });
  metrics.ObserveGauge(
      "civicmesh_one_time_tokens", "Tokens that are good once, since the start, by what was known.", [this] {
        const auto counts = one_time_.counts();
        return ByOutcome({{"first", counts.first}, {"again", counts.again}, {"unknown", counts.unknown}});
      });
  if (!issuer_keys_) return;
  metrics.ObserveGauge("civicmesh_key_set_fetches", "Times that the issuer was asked, since the start.", [this] {
    const auto counts = issuer_keys_->counts();
    return ByOutcome({{"good", counts.good}, {"unreachable", counts.unreachable}, {"unusable", counts.unusable}});
  });
  metrics.ObserveGauge("civicmesh_key_set_age_seconds", "How long ago the key set in use came from the issuer.",
                       [this] {
                         const auto age = issuer_keys_->age();
                         return age ? Metrics::Gauge{{{}, absl::ToDoubleSeconds(*age)}} : Metrics::Gauge{};
                       });
}

void Doorkeeper::Tick() {
  if (rotation_) rotation_->Look(clock_->steady_ms());
}

bool Doorkeeper::ready() const { return !issuer_keys_ || issuer_keys_->age(); }

bool Doorkeeper::keys_good() const { return !issuer_keys_ || issuer_keys_->good(); }

}  // namespace civicmesh
