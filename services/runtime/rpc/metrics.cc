#include "services/runtime/rpc/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                                       0.2,   0.5,   1,     2,    5,    10};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  const std::string domain;
  prometheus::Family<prometheus::Histogram>& calls;
  absl::Mutex mutex;
  absl::flat_hash_map<std::pair<std::string, std::string>, prometheus::Histogram*> by_call ABSL_GUARDED_BY(mutex);
  std::function<std::vector<ShardStatus>()> shards ABSL_GUARDED_BY(mutex);
  std::function<int()> in_flight ABSL_GUARDED_BY(mutex);
  struct Gauges {
    std::string name, help;
    std::function<Gauge()> values;
  };
  std::vector<Gauges> gauges ABSL_GUARDED_BY(mutex);
  absl::Mutex telling;                                                                // taken before `mutex`
  std::map<std::string, std::set<prometheus::Gauge*>> told ABSL_GUARDED_BY(telling);  // by gauge

  explicit Impl(std::string d)
      : domain(std::move(d)),
        calls(prometheus::BuildHistogram()
                  .Name("civicmesh_call_seconds")
                  .Help("Calls by method and code, and how long they took.")
                  .Labels({{"domain", domain}})
                  .Register(registry)) {}

  prometheus::Family<prometheus::Gauge>& GaugeOf(const std::string& name, const std::string& help) {
    return prometheus::BuildGauge().Name(name).Help(help).Labels({{"domain", domain}}).Register(registry);
  }
  void Set(const std::string& name, const std::string& help, double value, const prometheus::Labels& labels = {}) {
    GaugeOf(name, help).Add(labels).Set(value);
  }
  void Tell(const Gauges& of) ABSL_EXCLUSIVE_LOCKS_REQUIRED(telling) {
    auto& family = GaugeOf(of.name, of.help);
    std::set<prometheus::Gauge*> now;
    for (const auto& [labels, value] : of.values()) {
      auto& gauge = family.Add(labels);
      gauge.Set(value);
      now.insert(&gauge);
    }
    for (prometheus::Gauge* before : std::exchange(told[of.name], now))
      if (!now.contains(before)) family.Remove(before);
  }
  // The owners keep these counts themselves; they only ever grow while this process lives.
  void Count(const char* name, const char* help, double value, const prometheus::Labels& labels) {
    auto& counter =
        prometheus::BuildCounter().Name(name).Help(help).Labels({{"domain", domain}}).Register(registry).Add(labels);
    if (value > counter.Value()) counter.Increment(value - counter.Value());
  }

  void SetShard(const ShardStatus& s) {
    const prometheus::Labels shard{{"shard", std::to_string(s.shard)}};
    Set("civicmesh_shard_serving", "1 where this replica decides and answers for the shard.", s.serving, shard);
    Set("civicmesh_shard_assigned", "1 where this replica was given the shard.", s.assigned, shard);
    Set("civicmesh_shard_stopped", "1 where the shard has stopped for an operator.", !s.stopped.ok(), shard);
    if (!s.assigned) return;
    Set("civicmesh_shard_epoch", "The epoch held.", static_cast<double>(s.epoch), shard);
    Set("civicmesh_shard_in_flight", "Records appended and not read back.", static_cast<double>(s.in_flight), shard);
    Set("civicmesh_shard_fold_lag", "Journal records read back and not in hot state.",
        static_cast<double>(s.journal_next - s.folded), shard);
    Set("civicmesh_shard_publish_lag", "Journal records read back and not published.",
        static_cast<double>(s.journal_next - s.published), shard);
    Set("civicmesh_shard_streams", "Streams held in memory.", static_cast<double>(s.streams), shard);
    Set("civicmesh_shard_outcomes", "Outcomes held in memory.", static_cast<double>(s.outcomes), shard);
    Set("civicmesh_shard_takeover_seconds", "How long the last takeover took.", s.takeover_seconds, shard);
    const std::pair<const char*, uint64_t> outcomes[] = {{"decided", s.decided},
                                                         {"refused", s.refused},
                                                         {"parked", s.parked},
                                                         {"duplicate", s.duplicates},
                                                         {"timer", s.timers_fired}};
    for (auto [outcome, count] : outcomes)
      Count("civicmesh_decisions_total", "Commands and timers by what became of them.", static_cast<double>(count),
            {{"shard", std::to_string(s.shard)}, {"outcome", outcome}});
  }
};

Metrics::Metrics(std::string domain) : impl_(std::make_unique<Impl>(std::move(domain))) {}
Metrics::~Metrics() = default;

void Metrics::CallEnded(std::string_view method, std::string_view code, double seconds) {
  prometheus::Histogram* histogram;
  {
    absl::MutexLock lock(&impl_->mutex);
    auto& known = impl_->by_call[{std::string(method), std::string(code)}];
    if (!known) known = &impl_->calls.Add({{"method", std::string(method)}, {"code", std::string(code)}}, kSeconds);
    histogram = known;
  }
  histogram->Observe(seconds);
}

void Metrics::ObserveShards(std::function<std::vector<ShardStatus>()> shards) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->shards = std::move(shards);
}

void Metrics::ObserveInFlight(std::function<int()> in_flight) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->in_flight = std::move(in_flight);
}

void Metrics::ObserveGauge(std::string name, std::string help, std::function<Gauge()> values) {
  absl::MutexLock lock(&impl_->mutex);
  std::erase_if(impl_->gauges, [&](const auto& known) { return known.name == name; });
  impl_->gauges.push_back({std::move(name), std::move(help), std::move(values)});
}

std::string Metrics::Text() {
  absl::MutexLock telling(&impl_->telling);
  std::vector<Impl::Gauges> gauges;
  {
    absl::MutexLock lock(&impl_->mutex);
    if (impl_->shards)
      for (const ShardStatus& status : impl_->shards()) impl_->SetShard(status);
    if (impl_->in_flight)
      impl_->Set("civicmesh_commands_waiting", "Commands whose answer is awaited.", impl_->in_flight());
    gauges = impl_->gauges;
  }
  // Without the lock, which every call takes at its end: a value may have to be asked of the broker.
  for (const auto& gauge : gauges) impl_->Tell(gauge);
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace civicmesh
