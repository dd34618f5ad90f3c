#include "services/webhooks/webhooks_control.h"

#include <grpcpp/impl/service_type.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/control_service.h"
#include "services/runtime/rpc/doorkeeper.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/rpc_server.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/rpc/service_process.h"
#include "services/runtime/shard/worker.h"
#include "services/webhooks/webhooks_process.h"

namespace civicmesh::webhooks {
namespace {

constexpr char kName[] = "webhooks";

using Figure = std::function<double(const Delivery::Figures& figures)>;

void TellEach(const WebhooksProcess* process, Metrics& metrics, const char* name, const char* help, Figure figure) {
  metrics.ObserveGauge(name, help, [process, figure = std::move(figure)] {
    Metrics::Gauge values;
    for (const auto& [id, figures] : process->figures()) values.push_back({{{"subscription", id}}, figure(figures)});
    return values;
  });
}

void TellFigures(const WebhooksProcess* process, const Clock* clock, Metrics& metrics) {
  metrics.ObserveGauge("civicmesh_webhooks_sending", "1 where this process sends, 0 where it waits for another.",
                       [process] {
                         return Metrics::Gauge{{{}, process->sends() ? 1.0 : 0.0}};
                       });
  TellEach(process, metrics, "civicmesh_webhook_delivered", "Events taken since the subscriptions were last read.",
           [](const auto& of) { return static_cast<double>(of.delivered); });
  TellEach(process, metrics, "civicmesh_webhook_failed", "Attempts not taken since the subscriptions were last read.",
           [](const auto& of) { return static_cast<double>(of.failed); });
  TellEach(process, metrics, "civicmesh_webhook_unreadable", "Events passed over that this release cannot read.",
           [](const auto& of) { return static_cast<double>(of.unknown); });
  TellEach(process, metrics, "civicmesh_webhook_waiting_seconds",
           "How long ago the oldest event was written that waits for the receiver; 0: none does.",
           [clock](const auto& of) {
             if (of.waiting_since_ms == 0) return 0.0;
             return static_cast<double>(std::max<int64_t>(0, clock->wall_ms() - of.waiting_since_ms)) / 1000;
           });
  TellEach(process, metrics, "civicmesh_webhook_held_shards", "Shards whose next event waits for its push_not_before.",
           [](const auto& of) { return static_cast<double>(of.held); });
  TellEach(process, metrics, "civicmesh_webhook_paused", "1 where the file says so.",
           [](const auto& of) { return of.paused ? 1.0 : 0.0; });
  TellEach(process, metrics, "civicmesh_webhook_gone", "1 where the receiver answered 410: it hears nothing.",
           [](const auto& of) { return of.gone ? 1.0 : 0.0; });
}

}  // namespace

struct WebhooksControl::Impl {
  const Clock* const clock = Clock::Real();
  Metrics metrics{kName};
  std::unique_ptr<Doorkeeper> keeper;
  ServiceContext context;
  std::unique_ptr<RpcServer> server;
};

WebhooksControl::WebhooksControl(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WebhooksControl::~WebhooksControl() {
  if (impl_->server) impl_->server->Shutdown(absl::ZeroDuration());
}

absl::StatusOr<std::unique_ptr<WebhooksControl>> WebhooksControl::Start(const ProcessOptions& options,
                                                                        const ReferenceLibrary* references, Once* once,
                                                                        const WebhooksProcess* process) {
  std::unique_ptr<WebhooksControl> control(new WebhooksControl(std::make_unique<Impl>()));
  Impl& impl = *control->impl_;
  auto keeper = Doorkeeper::Make(options, PeopleOf(*references), once, impl.clock, &impl.metrics);
  if (!keeper.ok()) return keeper.status();
  impl.keeper = *std::move(keeper);
  TellFigures(process, impl.clock, impl.metrics);
  impl.context = {.domain = kName,
                  .shards = 0,
                  .driven_clock = options.driven_clock,
                  .clock = impl.clock,
                  .gate = impl.keeper->gate(),
                  .metrics = &impl.metrics,
                  .status = [] { return std::vector<ShardStatus>(); }};
  auto server = RpcServer::Start(options.listen, options.reflection, {MakeControlService({.service = &impl.context})},
                                 &impl.metrics, impl.clock);
  if (!server.ok()) return server.status();
  impl.server = *std::move(server);
  return control;
}

void WebhooksControl::Tick() {
  impl_->keeper->Tick();
  impl_->server->Say("keys", impl_->keeper->keys_good());
  impl_->server->Say("", impl_->keeper->ready());
}

}  // namespace civicmesh::webhooks
