#include "services/runtime/rpc/control_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/log/v1/log.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/serial_executor.h"
#include "services/runtime/rpc/serve.h"
#include "services/runtime/shard/actor_record.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh {
namespace {

using log::v1::Command;
using runtime::v1::ControlService;

constexpr size_t kMaxQuestions = 8;
constexpr size_t kSha256Bytes = 32;

int64_t ToMs(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1000000; }

void FromMs(int64_t ms, google::protobuf::Timestamp* time) {
  time->set_seconds(ms / 1000);
  time->set_nanos(static_cast<int>(ms % 1000) * 1000000);
}

// One command per shard under way to the inboxes.
struct Spread {
  absl::Mutex mutex;
  std::vector<int64_t> offsets ABSL_GUARDED_BY(mutex);
  int open ABSL_GUARDED_BY(mutex) = 0;
  bool failed ABSL_GUARDED_BY(mutex) = false;
  std::function<void(grpc::Status, const std::vector<int64_t>&)> done;

  void Landed(int shard, const absl::StatusOr<int64_t>& offset) {
    std::vector<int64_t> all;
    bool lost;
    {
      absl::MutexLock lock(&mutex);
      if (offset.ok())
        offsets[shard] = *offset;
      else
        failed = true;
      if (--open > 0) return;
      all = offsets;
      lost = failed;
    }
    // Some shards may have it: the same call again completes it.
    done(lost ? RuntimeError("REASON_UNKNOWN_OUTCOME") : grpc::Status::OK, all);
  }
};

class Control : public ControlService::CallbackService {
 public:
  explicit Control(ControlPorts ports)
      : ports_(std::move(ports)),
        service_(*ports_.service),
        reader_(service_.journal ? service_.journal->NewReader() : nullptr),
        questions_(kMaxQuestions) {
    if (reader_)
      service_.metrics->ObserveGauge("civicmesh_shard_lag", "Commands in the inbox that are not decided yet.",
                                     [this] { return ShardLags(); });
  }

  grpc::ServerUnaryReactor* AdvanceTime(grpc::CallbackServerContext* context,
                                        const runtime::v1::AdvanceTimeRequest* request,
                                        runtime::v1::AdvanceTimeResponse* response) override {
    return Serve(service_, context, request, [=, this](const Call& call, Finish finish) {
      if (auto other = OtherService(*request); !other.ok()) return finish(other);
      if (!service_.driven_clock) return finish(RuntimeError("REASON_CLOCK_NOT_DRIVEN"));
      const int64_t to_ms = ToMs(request->time());
      if (to_ms <= 0) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "time"));
      Command command = CommandOf(call, Command::KIND_ADVANCE_TIME);
      command.set_driven_time_ms(to_ms);
      SendToAll(command, absl::StrCat("advance/", to_ms), Offsets(response, std::move(finish)));
    });
  }

  grpc::ServerUnaryReactor* ActivateReference(grpc::CallbackServerContext* context,
                                              const runtime::v1::ActivateReferenceRequest* request,
                                              runtime::v1::ActivateReferenceResponse* response) override {
    return Serve(service_, context, request, [=, this](const Call& call, Finish finish) {
      if (auto other = OtherService(*request); !other.ok()) return finish(other);
      if (request->kind().empty()) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "kind"));
      if (request->version().empty()) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "version"));
      if (request->sha256().size() != kSha256Bytes) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "sha256"));
      const int64_t from_ms = ToMs(request->valid_from());
      if (from_ms <= 0) return finish(RuntimeError("REASON_INVALID_ARGUMENT", "valid_from"));
      Command command = CommandOf(call, Command::KIND_ACTIVATE);
      command.set_driven_time_ms(call.driven_time_ms);
      auto* activation = command.mutable_activation();
      activation->set_kind(request->kind());
      activation->set_version(request->version());
      activation->set_sha256(request->sha256());
      activation->set_valid_from_ms(from_ms);
      SendToAll(command, activation->SerializeAsString(), Offsets(response, std::move(finish)));
    });
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context,
                                       const runtime::v1::GetMetricsRequest* request,
                                       google::api::HttpBody* response) override {
    return Serve(service_, context, request, [=, this](const Call&, Finish finish) {
      if (auto other = OtherService(*request); !other.ok()) return finish(other);
      const bool taken = questions_.Post([this, response, finish] {
        response->set_content_type("text/plain; version=0.0.4; charset=utf-8");
        response->set_data(service_.metrics->Text());
        finish(grpc::Status::OK);
      });
      if (!taken) finish(RuntimeError("REASON_OVERLOADED", "", "", absl::Seconds(1)));
    });
  }

  grpc::ServerUnaryReactor* GetShards(grpc::CallbackServerContext* context,
                                      const runtime::v1::GetShardsRequest* request,
                                      runtime::v1::GetShardsResponse* response) override {
    return Serve(service_, context, request, [=, this](const Call&, Finish finish) {
      if (auto other = OtherService(*request); !other.ok()) return finish(other);
      for (const ShardStatus& s : service_.status()) Describe(s, response->add_shards());
      response->set_driven_clock(service_.driven_clock);
      finish(grpc::Status::OK);
    });
  }

  grpc::ServerUnaryReactor* Quiesce(grpc::CallbackServerContext* context, const runtime::v1::QuiesceRequest* request,
                                    runtime::v1::QuiesceResponse* response) override {
    return Serve(service_, context, request, [=, this](const Call&, Finish finish) {
      if (auto other = OtherService(*request); !other.ok()) return finish(other);
      if (!questions_.Post([this, response, finish] { finish(LookForRest(*response)); }))
        finish(RuntimeError("REASON_OVERLOADED", "", "", absl::Seconds(1)));
    });
  }

 private:
  template <typename Request>
  grpc::Status OtherService(const Request& request) const {
    if (request.service() == service_.domain) return grpc::Status::OK;
    return RuntimeError("REASON_OTHER_SERVICE", "service", absl::StrCat("this is ", service_.domain));
  }

  Command CommandOf(const Call& call, Command::Kind kind) const {
    Command command;
    command.set_kind(kind);
    command.set_issued_at_ms(service_.clock->wall_ms());
    WriteActor(call.actor, command.mutable_actor());
    command.set_method(call.method);
    command.set_traceparent(call.traceparent);
    return command;
  }

  template <typename Response>
  static std::function<void(grpc::Status, const std::vector<int64_t>&)> Offsets(Response* response, Finish finish) {
    return [response, finish = std::move(finish)](grpc::Status status, const std::vector<int64_t>& offsets) {
      for (int64_t offset : offsets) response->add_inbox_offsets(offset);
      finish(std::move(status));
    };
  }

  // `what` names the effect: the same effect twice has the same command ids, and holds once.
  void SendToAll(Command command, const std::string& what,
                 std::function<void(grpc::Status, const std::vector<int64_t>&)> done) {
    if (service_.shards == 0) return done(grpc::Status::OK, {});
    auto spread = std::make_shared<Spread>();
    spread->done = std::move(done);
    {
      absl::MutexLock lock(&spread->mutex);
      spread->open = service_.shards;
      spread->offsets.resize(service_.shards, -1);
    }
    auto session = Session();
    for (int shard = 0; shard < service_.shards; ++shard) {
      command.set_command_id(CommandId("control", command.method(), absl::StrCat(shard), what));
      command.set_body_hash(Sha256(what).substr(0, 16));
      const absl::Status queued =
          session->Append({Topic::kInbox, shard}, Frame(command.SerializeAsString()), {},
                          [spread, shard](absl::StatusOr<int64_t> offset) { spread->Landed(shard, offset); });
      if (!queued.ok()) spread->Landed(shard, queued);
    }
  }

  std::shared_ptr<LogAppender> Session() {
    std::shared_ptr<LogAppender> old;
    absl::MutexLock lock(&mutex_);
    if (!appender_ || !appender_->Health().ok()) old = std::exchange(appender_, ports_.new_appender());
    return appender_;
  }

  static void Describe(const ShardStatus& s, runtime::v1::Shard* out) {
    out->set_shard(s.shard);
    out->set_assigned(s.assigned);
    out->set_serving(s.serving);
    out->set_phase(s.phase);
    if (!s.stopped.ok()) out->set_stopped(std::string(s.stopped.message()));
    out->set_epoch(s.epoch);
    FromMs(s.now_ms, out->mutable_now());
    out->set_inbox_next(s.inbox_next);
    out->set_journal_next(s.journal_next);
    out->set_folded(s.folded);
    out->set_published(s.published);
    out->set_streams(s.streams);
    out->set_decided(s.decided);
    out->set_refused(s.refused);
    out->set_takeover_ms(static_cast<int64_t>(s.takeover_seconds * 1000));
    for (const ActiveReference& a : s.activations) {
      auto* reference = out->add_references();
      reference->set_kind(a.kind);
      reference->set_version(a.version);
      reference->set_sha256(a.sha256);
      FromMs(a.valid_from_ms, reference->mutable_valid_from());
    }
  }

  // 0 for a shard that another replica was given. Where the broker does not answer, a lag stays as it was last seen.
  Metrics::Gauge ShardLags() {
    Metrics::Gauge lags;
    for (const ShardStatus& s : service_.status()) {
      int64_t lag = 0;
      if (s.assigned) {
        auto inbox = reader_->GetBounds({Topic::kInbox, s.shard});
        if (!inbox.ok()) break;
        lag = std::max<int64_t>(0, inbox->end - s.inbox_next);
      }
      lags.push_back({{{"shard", absl::StrCat(s.shard)}}, static_cast<double>(lag)});
    }
    return lags;
  }

  // The ends are asked first: what the owners say afterwards then covers them.
  // A policy may append a command to an inbox between the look at that inbox and the look at the policy. Where both
  // rest and the logs have not grown since, nothing came between.
  grpc::Status LookForRest(runtime::v1::QuiesceResponse& response) {
    runtime::v1::QuiesceResponse before;
    if (auto status = Look(before); !status.ok()) return status;
    if (auto status = Look(response); !status.ok()) return status;
    for (int shard = 0; shard < service_.shards; ++shard)
      if (response.shards(shard).SerializeAsString() != before.shards(shard).SerializeAsString())
        response.add_waiting_for(absl::StrCat("shard ", shard, ": its logs still grow"));
    for (const auto& why : before.waiting_for())
      if (response.waiting_for().empty()) response.add_waiting_for(why);
    response.set_at_rest(response.waiting_for().empty());
    return grpc::Status::OK;
  }

  grpc::Status Look(runtime::v1::QuiesceResponse& response) {
    for (int shard = 0; shard < service_.shards; ++shard) {
      auto inbox = reader_->GetBounds({Topic::kInbox, shard}), journal = reader_->GetBounds({Topic::kJournal, shard}),
           events = reader_->GetBounds({Topic::kEvents, shard});
      if (!inbox.ok() || !journal.ok() || !events.ok()) return RuntimeError("REASON_RECOVERING");
      auto* ends = response.add_shards();
      ends->set_shard(shard);
      ends->set_inbox(inbox->end);
      ends->set_journal(journal->end);
      ends->set_events(events->end);
    }
    for (const ShardStatus& s : service_.status()) {
      const std::string why = WhyNotAtRest(s, response.shards(s.shard));
      if (!why.empty()) response.add_waiting_for(absl::StrCat("shard ", s.shard, ": ", why));
    }
    if (ports_.waiting_for)
      for (auto& why : ports_.waiting_for()) response.add_waiting_for(std::move(why));
    return grpc::Status::OK;
  }

  static std::string WhyNotAtRest(const ShardStatus& s, const runtime::v1::ShardEnds& ends) {
    if (!s.serving) return absl::StrCat("not serving here (", s.phase, ")");
    if (s.inbox_next < ends.inbox()) return absl::StrCat(ends.inbox() - s.inbox_next, " commands to decide");
    if (s.in_flight > 0 || s.journal_next < ends.journal()) return "records on their way through the journal";
    if (s.folded < s.journal_next) return absl::StrCat(s.journal_next - s.folded, " records to fold");
    if (s.published < s.journal_next) return absl::StrCat(s.journal_next - s.published, " records to publish");
    return "";
  }

  const ControlPorts ports_;
  const ServiceContext& service_;
  absl::Mutex mutex_;
  std::shared_ptr<LogAppender> appender_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<LogReader> reader_;  // used by questions_ alone
  SerialExecutor questions_;           // ends first
};

}  // namespace

std::unique_ptr<grpc::Service> MakeControlService(ControlPorts ports) {
  return std::make_unique<Control>(std::move(ports));
}

}  // namespace civicmesh
