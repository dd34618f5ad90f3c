#include "services/runtime/rpc/service_for_tests.h"

#include <grpcpp/grpcpp.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh {
namespace {

[[noreturn]] void Die(const std::string& why) {
  fprintf(stderr, "service_for_tests: %s\n", why.c_str());
  abort();
}

}  // namespace

ServiceForTests::ServiceForTests(ServiceSpec spec, int shards)
    : spec_(std::move(spec)),
      keys_(shards),
      log_(shards, [] { return Clock::Real()->wall_ms(); }),
      reads_(&redis_, spec_.domain, spec_.fold_version),
      library_(WithRoster(spec_.references)) {
  library_.BecomeCurrent();
  Start();
}

ServiceForTests::~ServiceForTests() { process_.reset(); }

void ServiceForTests::Start() {
  keyed_log_ = std::make_unique<MemoryKeyedLog>(&keys_);
  hot_ = std::make_unique<LockedHot>(&redis_, spec_.domain, spec_.fold_version);
  ProcessOptions options{.listen = "",
                         .shards = log_.shards(),
                         .driven_clock = true,
                         .jwks = issuer_.Jwks(),
                         .issuer = "issuer",
                         .audience = "civicmesh",
                         .development_tokens = true,
                         .body_key = "key",
                         .person_key = "key",
                         .attachments = attachments_};
  Backends backends{.journal = &journal_,
                    .keys = keyed_log_.get(),
                    .new_appender = [this] { return journal_.NewAppender(); },
                    .hot = hot_.get(),
                    .reads = &reads_,
                    .references = &library_,
                    .reply_to = "here",
                    .group_reader =
                        [this](const PolicySpec& policy) {
                          return std::make_unique<LockedGroup>(JournalOf(policy.source_domain),
                                                               &committed_[policy.name]);
                        },
                    .plain_reader = [this](const std::string& source) { return JournalOf(source)->NewReader(); }};
  auto started = ServiceProcess::Start(spec_, options, std::move(backends));
  if (!started.ok()) Die(std::string(started.status().message()));
  process_ = *std::move(started);
  Resume();
  // The bound is only for a test that fails.
  const absl::Time until = absl::Now() + absl::Seconds(60);
  auto ready = [this] {
    size_t serving = 0;
    for (const auto& shard : process_->context().status()) serving += shard.serving && CanBeRead(shard.shard);
    return serving == static_cast<size_t>(log_.shards()) && (!spec_.ready || spec_.ready());
  };
  while (!ready()) {
    if (!process_->Tick().ok() || absl::Now() > until) Die("the shards do not come to serve");
    std::this_thread::yield();
  }
}

void ServiceForTests::Pause() { process_->SetAssigned({}); }

void ServiceForTests::Resume() {
  std::set<int> all;
  for (int shard = 0; shard < log_.shards(); ++shard) all.insert(shard);
  process_->SetAssigned(all);
}

ServiceForTests::Source::Source(int shards) : log(shards, [] { return Clock::Real()->wall_ms(); }) {}

LockedJournal* ServiceForTests::JournalOf(const std::string& domain) {
  if (domain == spec_.domain) return &journal_;
  auto& source = sources_[domain];
  if (!source) source = std::make_unique<Source>(log_.shards());
  return &source->journal;
}

void ServiceForTests::Publish(const std::string& domain, int shard, const google::protobuf::Message& fact,
                              const std::string& time) {
  LockedJournal* journal = JournalOf(domain);
  const int64_t offset = ++sources_[domain]->facts;
  const Headers headers{{"ce_id", absl::StrCat(domain, "/", shard, "/", offset, "/0")},
                        {"ce_type", fact.GetDescriptor()->full_name()},
                        {"ce_subject", domain},
                        {"ce_time", time}};
  if (auto appended = journal->NewAppender()->Append({Topic::kEvents, shard}, fact.SerializeAsString(), headers);
      !appended.ok())
    Die(std::string(appended.message()));
}

bool ServiceForTests::CanBeRead(int shard) {
  bool verified = false;
  reads_.Read(shard, HotTable::kStreams, {},
              [&](absl::StatusOr<HotRead> read) { verified = read.ok() && read->verified; });
  return verified;
}

void ServiceForTests::Quiesce() {
  auto control = runtime::v1::ControlService::NewStub(Channel());
  runtime::v1::QuiesceRequest request;
  request.set_service(spec_.domain);
  // The bound is only for a test that fails.
  const absl::Time until = absl::Now() + absl::Seconds(60);
  while (absl::Now() < until) {
    runtime::v1::QuiesceResponse response;
    auto context = As({.subject = "operator", .posts = Posts({"OPERATOR"})});
    if (auto status = control->Quiesce(context.get(), request, &response); !status.ok()) Die(status.error_message());
    if (response.at_rest()) return;
  }
  Die("the service does not come to rest");
}

void ServiceForTests::LoadReference(const std::string& kind, const std::string& content) {
  if (auto added = library_.Add(kind, content); !added.ok()) Die(std::string(added.message()));
  runtime::v1::ActivateReferenceRequest request;
  request.set_service(spec_.domain);
  request.set_kind(kind);
  request.set_version("1");
  request.set_sha256(Sha256(content));
  request.mutable_valid_from()->set_seconds(1);
  runtime::v1::ActivateReferenceResponse response;
  auto context = As({.subject = "operator", .posts = Posts({"OPERATOR"})});
  const auto status =
      runtime::v1::ControlService::NewStub(Channel())->ActivateReference(context.get(), request, &response);
  if (!status.ok()) Die(status.error_message());
}

void ServiceForTests::Restart(bool wipe) {
  process_.reset();
  hot_.reset();
  if (wipe) redis_.FlushAll();
  Start();
}

const PersonTokens& ServiceForTests::persons() const { return *process_->context().persons; }

std::string ServiceForTests::AllBytes() {
  Locked hot_lock(HotLock());
  Locked log_lock(LogLock());
  std::string bytes;
  for (Topic topic : {Topic::kInbox, Topic::kJournal, Topic::kEvents, Topic::kParked})
    for (int shard = 0; shard < log_.shards(); ++shard)
      for (const auto& record : log_.records({topic, shard})) {
        bytes += record.value;
        for (const auto& [name, value] : record.headers) bytes += name + value;
      }
  for (const auto& [key, shard] : redis_.shards) {
    bytes += shard.point.blob;
    for (const auto& row : shard.rows) bytes += row;
    for (const auto& [table, values] : shard.tables)
      for (const auto& [name, value] : values) bytes += name + value;
  }
  return bytes;
}

std::shared_ptr<grpc::Channel> ServiceForTests::Channel() { return process_->server().InProcessChannel({}); }

std::unique_ptr<grpc::ClientContext> ServiceForTests::As(const ActorView& actor, const std::string& time) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  if (!actor.subject.empty())
    context->AddMetadata("authorization",
                         "Bearer " + issuer_.TokenOf(actor, {{"iss", "issuer"}, {"aud", "civicmesh"}}));
  if (!time.empty()) context->AddMetadata("civicmesh-time", time);
  return context;
}

std::string ServiceForTests::NewRequestId() {
  const int64_t ms = Clock::Real()->wall_ms();
  return absl::StrFormat("%08x-%04x-7000-8000-%012x", ms >> 16, ms & 0xffff, ++requests_);
}

}  // namespace civicmesh
