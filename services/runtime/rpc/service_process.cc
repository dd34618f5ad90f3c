#include "services/runtime/rpc/service_process.h"

#include <grpcpp/impl/service_type.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/journal/group_reader.h"
#include "services/runtime/objects/attachments.h"
#include "services/runtime/rpc/command_door.h"
#include "services/runtime/rpc/control_service.h"
#include "services/runtime/rpc/doorkeeper.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/rpc_server.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh {
namespace {

constexpr int64_t kProbeEveryMs = 1000;

}  // namespace

struct ServiceProcess::Impl {
  ServiceSpec spec;
  ProcessOptions options;
  Backends backends;
  const Clock* const clock = Clock::Real();

  ServiceContext context;
  Metrics metrics;
  const PersonTokens persons;
  std::unique_ptr<Doorkeeper> keeper;
  std::unique_ptr<CommandDoor> door;
  std::unique_ptr<Worker> worker;

  struct RunningPolicy {
    std::unique_ptr<GroupReader> source;
    std::unique_ptr<LogReader> ends;  // used by the control service's thread alone
    std::unique_ptr<PolicyRunner> runner;
    std::unique_ptr<std::atomic<int64_t>> turned_ms;
    std::thread thread;
  };
  std::vector<RunningPolicy> policies;

  std::unique_ptr<RpcServer> server;
  bool drained = false;
  int64_t probed_ms = 0;
  int probe_shard = 0;

  Impl(ServiceSpec s, ProcessOptions o, Backends b)
      : spec(std::move(s)),
        options(std::move(o)),
        backends(std::move(b)),
        metrics(spec.domain),
        persons(options.person_key) {
    if (!options.attachments)
      options.attachments = std::make_shared<const Attachments>(SigningKeys({}, ""), S3Place{}, S3Login{});
  }

  absl::Status Start() {
    const auto wanted = spec.policies ? spec.policies(options.shards) : std::vector<PolicySpec>();
    if (!wanted.empty() && !(backends.group_reader && backends.plain_reader))
      return absl::InvalidArgumentError("there is nothing to read policies' sources with");
    auto made = Doorkeeper::Make(options, PeopleOf(*backends.references), backends.once, clock, &metrics);
    if (!made.ok()) return made.status();
    keeper = *std::move(made);
    door = std::make_unique<CommandDoor>(DoorOptions{.reply_to = backends.reply_to,
                                                     .body_key = options.body_key,
                                                     .persons = persons,
                                                     .max_in_flight = options.max_in_flight,
                                                     .max_per_shard = std::max(1, options.max_in_flight / 2),
                                                     .max_per_actor = options.max_per_actor,
                                                     .reply_wait_ms = absl::ToInt64Milliseconds(options.reply_wait)},
                                         backends.new_appender, backends.reads, clock);
    WorkerOptions worker_options{.domain = spec.domain,
                                 .shards = options.shards,
                                 .fold_version = spec.fold_version,
                                 .driven_clock = options.driven_clock};
    worker = std::make_unique<Worker>(
        worker_options, backends.journal, backends.hot, backends.references, spec.machines,
        [this](int shard, const std::string& to, const log::v1::Reply& reply) { Answer(shard, to, reply); });
    context = {.domain = spec.domain,
               .shards = options.shards,
               .driven_clock = options.driven_clock,
               .clock = clock,
               .gate = keeper->gate(),
               .door = door.get(),
               .reads = backends.reads,
               .metrics = &metrics,
               .journal = backends.journal,
               .keys = backends.keys,
               .references = backends.references,
               .persons = &persons,
               .attachments = options.attachments.get(),
               .status = [this] { return worker->Status(); }};
    metrics.ObserveShards(context.status);
    metrics.ObserveInFlight([this] { return door->in_flight(); });
    metrics.ObserveGauge("civicmesh_commands_unheard",
                         "Commands in an inbox whose outcome this replica has not heard of.", [this] {
                           return Metrics::Gauge{{{}, static_cast<double>(door->unheard())}};
                         });
    metrics.ObserveGauge("civicmesh_outcomes_heard", "Outcomes since the start, by how this replica heard of them.",
                         [this] {
                           const CommandDoor::Heard heard = door->heard();
                           return Metrics::Gauge{{{{"by", "answer"}}, static_cast<double>(heard.by_answer)},
                                                 {{{"by", "look_up"}}, static_cast<double>(heard.by_look_up)}};
                         });
    for (const PolicySpec& policy : wanted) AddPolicy(policy);
    if (!wanted.empty())
      metrics.ObserveGauge("civicmesh_policy_lag", "Facts of a source shard that a policy here has not acted on yet.",
                           [this] { return PolicyLags(); });
    if (auto listening = Listen(); !listening.ok()) return listening;
    door->Start();
    worker->Start();
    for (auto& policy : policies)
      policy.thread = std::thread([this, runner = policy.runner.get(), turned_ms = policy.turned_ms.get()] {
        runner->Run([this, turned_ms] { *turned_ms = clock->steady_ms(); });
      });
    return absl::OkStatus();
  }

  void Answer(int shard, const std::string& to, const log::v1::Reply& reply) {
    if (to == backends.reply_to) return door->Deliver(reply);
    if (backends.send_reply) backends.send_reply(shard, to, reply.SerializeAsString());
  }

  absl::Status Listen() {
    auto services = spec.services(context);
    services.push_back(MakeControlService({.service = &context,
                                           .new_appender = backends.new_appender,
                                           .waiting_for = [this] { return WaitingPolicies(); }}));
    auto started = RpcServer::Start(options.listen, options.reflection, std::move(services), &metrics, clock);
    if (!started.ok()) return started.status();
    server = *std::move(started);
    return absl::OkStatus();
  }

  void AddPolicy(const PolicySpec& policy) {
    RunningPolicy running{.source = backends.group_reader(policy),
                          .ends = backends.plain_reader(policy.source_domain),
                          .turned_ms = std::make_unique<std::atomic<int64_t>>(clock->steady_ms())};
    running.runner =
        std::make_unique<PolicyRunner>(policy, options.driven_clock, running.source.get(), backends.journal);
    policies.push_back(std::move(running));
  }

  // Every source shard must be held here and committed to its end.
  std::vector<std::string> WaitingPolicies() {
    std::vector<std::string> waiting;
    for (auto& policy : policies) {
      const auto committed = policy.runner->progress().committed;
      for (int shard = 0; shard < options.shards; ++shard) {
        auto bounds = policy.ends->GetBounds({Topic::kEvents, shard});
        auto held = committed.find(shard);
        if (bounds.ok() && bounds->end == 0) continue;
        if (!bounds.ok() || held == committed.end() || held->second < bounds->end)
          waiting.push_back(absl::StrCat("policy ", policy.runner->spec().name, ", source shard ", shard));
      }
    }
    return waiting;
  }

  // Of the source shards held here. Where the broker does not answer, a lag stays as it was last seen.
  Metrics::Gauge PolicyLags() {
    Metrics::Gauge lags;
    for (auto& policy : policies)
      for (auto [shard, committed] : policy.runner->progress().committed) {
        auto bounds = policy.ends->GetBounds({Topic::kEvents, shard});
        if (!bounds.ok()) return lags;
        lags.push_back({{{"policy", policy.runner->spec().name}, {"source_shard", absl::StrCat(shard)}},
                        static_cast<double>(std::max<int64_t>(0, bounds->end - committed))});
      }
    return lags;
  }

  absl::Status Tick() {
    const int64_t now = clock->steady_ms();
    keeper->Tick();
    if (!door->can_append() && now - probed_ms >= kProbeEveryMs) {
      probed_ms = now;
      door->Probe(probe_shard++ % options.shards);
    }
    const bool alive = std::max(absl::Now() - worker->last_turn(), Since(door->last_turn_ms())) < options.late_after;
    bool acting = true;
    for (const auto& policy : policies) acting = acting && Since(*policy.turned_ms) < options.late_after;
    for (const ShardStatus& s : worker->Status())
      server->Say(absl::StrCat(spec.domain, "/", s.shard), alive && s.serving);
    const bool below = !backends.health || backends.health().ok();
    const bool ready = !spec.ready || spec.ready();
    server->Say("keys", keeper->keys_good());
    server->Say("policies", acting);
    server->Say("", alive && below && ready && keeper->ready() && door->can_append());
    return Stuck();
  }

  absl::Duration Since(int64_t steady_ms) const { return absl::Milliseconds(clock->steady_ms() - steady_ms); }

  // Says which thread has not turned for too long.
  absl::Status Stuck() const {
    for (const auto& policy : policies)
      if (Since(*policy.turned_ms) > options.stuck_after)
        return absl::DeadlineExceededError(
            absl::StrCat("the thread of policy ", policy.runner->spec().name, " is stuck"));
    if (Since(door->last_turn_ms()) > options.stuck_after)
      return absl::DeadlineExceededError("the door's thread is stuck");
    if (absl::Now() - worker->last_turn() > options.stuck_after)
      return absl::DeadlineExceededError("the worker's thread is stuck");
    return absl::OkStatus();
  }

  void Drain(absl::Duration patience) {
    if (std::exchange(drained, true)) return;
    const absl::Time until = absl::Now() + patience;
    // Commands in flight still get their answers, since the worker goes on; what streams is cut off at half time, and
    // whoever waits for a command still longer is told that it is unknown.
    if (server) server->Shutdown(patience / 2, [this] { door->Stop(); });
    for (auto& policy : policies) policy.runner->Stop();
    for (auto& policy : policies)
      if (policy.thread.joinable()) policy.thread.join();
    if (worker) worker->Stop(std::max(absl::ZeroDuration(), until - absl::Now()));
    if (door) door->Stop();
  }
};

ServiceProcess::ServiceProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ServiceProcess::~ServiceProcess() { impl_->Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<ServiceProcess>> ServiceProcess::Start(ServiceSpec spec, ProcessOptions options,
                                                                      Backends backends) {
  auto impl = std::make_unique<Impl>(std::move(spec), std::move(options), std::move(backends));
  std::unique_ptr<ServiceProcess> process(new ServiceProcess(std::move(impl)));
  if (auto started = process->impl_->Start(); !started.ok()) return started;
  return process;
}

void ServiceProcess::SetAssigned(std::set<int> shards) { impl_->worker->SetAssigned(std::move(shards)); }

void ServiceProcess::OnReply(std::string_view bytes) {
  log::v1::Reply reply;
  if (reply.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) impl_->door->Deliver(std::move(reply));
}

absl::Status ServiceProcess::Tick() { return impl_->Tick(); }
void ServiceProcess::Drain(absl::Duration patience) { impl_->Drain(patience); }
grpc::Server& ServiceProcess::server() { return impl_->server->server(); }
const ServiceContext& ServiceProcess::context() const { return impl_->context; }

}  // namespace civicmesh
