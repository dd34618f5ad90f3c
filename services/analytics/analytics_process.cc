#include "services/analytics/analytics_process.h"

#include <grpcpp/impl/service_type.h>

#include <algorithm>
#include <utility>

#include "services/analytics/analytics_rpc.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/control_service.h"
#include "services/runtime/rpc/doorkeeper.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/rpc_server.h"
#include "services/runtime/rpc/serial_executor.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh::analytics {
namespace {

constexpr char kName[] = "analytics";
constexpr int64_t kLookEveryMs = 5000;

Metrics::Gauge LagGauge(const Fold& fold) {
  Metrics::Gauge values;
  for (const auto& at : fold.Lags())
    values.push_back({{{"source", at.domain}, {"shard", std::to_string(at.shard)}},
                      static_cast<double>(std::max<int64_t>(0, at.end - at.next))});
  return values;
}

Metrics::Gauge UnreadableGauge(const Fold& fold) {
  Metrics::Gauge values;
  for (const auto& at : fold.Lags())
    values.push_back(
        {{{"source", at.domain}, {"shard", std::to_string(at.shard)}}, static_cast<double>(at.unreadable)});
  return values;
}

}  // namespace

struct AnalyticsProcess::Impl {
  const Clock* const clock = Clock::Real();
  Metrics metrics{kName};
  Fold fold;
  std::unique_ptr<Doorkeeper> keeper;
  ServiceContext context;
  std::unique_ptr<RpcServer> server;
  int64_t looked_ms = 0;
  bool drained = false;
  SerialExecutor looks{1};  // keeps the ends known for the metrics; ends first

  explicit Impl(std::vector<FoldSource> sources) : fold(std::move(sources), clock) {}

  absl::Status Start(const ProcessOptions& options, const ReferenceLibrary* references, Once* once) {
    auto made = Doorkeeper::Make(options, PeopleOf(*references), once, clock, &metrics);
    if (!made.ok()) return made.status();
    keeper = *std::move(made);
    context = {.domain = kName,
               .shards = 0,
               .driven_clock = options.driven_clock,
               .clock = clock,
               .gate = keeper->gate(),
               .metrics = &metrics,
               .status = [] { return std::vector<ShardStatus>(); }};
    metrics.ObserveGauge("civicmesh_fold_lag", "Public events that stand in a source's topic and are not folded.",
                         [this] { return LagGauge(fold); });
    metrics.ObserveGauge("civicmesh_fold_unreadable", "Public events that could not be read; figures may lack them.",
                         [this] { return UnreadableGauge(fold); });
    std::vector<std::shared_ptr<grpc::Service>> services;
    services.push_back(MakeAnalyticsRpc(context, &fold));
    services.push_back(MakeControlService({.service = &context, .waiting_for = [this] { return WaitingFor(fold); }}));
    auto started = RpcServer::Start(options.listen, options.reflection, std::move(services), &metrics, clock);
    if (!started.ok()) return started.status();
    server = *std::move(started);
    fold.Start();
    return absl::OkStatus();
  }

  absl::Status Tick() {
    keeper->Tick();
    if (clock->steady_ms() - looked_ms >= kLookEveryMs) {
      looked_ms = clock->steady_ms();
      looks.Post([this] { fold.Progress().IgnoreError(); });
    }
    const absl::Status health = fold.Health();
    server->Say("keys", keeper->keys_good());
    server->Say("", health.ok() && keeper->ready());
    return absl::IsUnavailable(health) ? absl::OkStatus() : health;
  }

  void Drain(absl::Duration patience) {
    if (std::exchange(drained, true)) return;
    if (server) server->Shutdown(patience);
    fold.Stop();
  }
};

AnalyticsProcess::AnalyticsProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AnalyticsProcess::~AnalyticsProcess() { impl_->Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<AnalyticsProcess>> AnalyticsProcess::Start(const ProcessOptions& options,
                                                                          std::vector<FoldSource> sources,
                                                                          const ReferenceLibrary* references,
                                                                          Once* once) {
  std::unique_ptr<AnalyticsProcess> process(new AnalyticsProcess(std::make_unique<Impl>(std::move(sources))));
  if (auto started = process->impl_->Start(options, references, once); !started.ok()) return started;
  return process;
}

absl::Status AnalyticsProcess::Tick() { return impl_->Tick(); }
void AnalyticsProcess::Drain(absl::Duration patience) { impl_->Drain(patience); }

}  // namespace civicmesh::analytics
