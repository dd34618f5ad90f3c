#include "services/runtime/shard/policy_runner.h"

#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/event_id.h"

namespace civicmesh {
namespace {

constexpr int kTurn = 500;
constexpr int kWaitMs = 50;

}  // namespace

absl::StatusOr<PublicFact> ParseFact(const LogRecord& record) {
  const auto id = ParseEventId(HeaderOf(record, "ce_id"));
  PublicFact fact{
      .type = HeaderOf(record, "ce_type"), .subject = HeaderOf(record, "ce_subject"), .bytes = record.value};
  absl::Time at;
  if (!id || fact.type.empty() || fact.subject.empty() ||
      !absl::ParseTime(absl::RFC3339_full, HeaderOf(record, "ce_time"), &at, nullptr))
    return absl::InvalidArgumentError(absl::StrCat("no event of ours: ", HeaderOf(record, "ce_id")));
  fact.source_shard = id->shard;
  fact.journal_offset = id->journal_offset;
  fact.index = id->index;
  fact.time_ms = absl::ToUnixMillis(at);
  fact.traceparent = HeaderOf(record, "traceparent");
  return fact;
}

struct PolicyRunner::Impl : LogSink {
  const PolicySpec& spec;
  const bool driven;
  GroupReader* source;
  Journal* target;
  std::shared_ptr<LogAppender> session;

  // Per source shard, the events whose commands are under way, in order. Acknowledgements come from another thread and
  // may come after the runner gave the session up: they only count in the generation in which they were sent.
  struct Event {
    int64_t offset;
    int open;
  };
  struct State {
    absl::Mutex mutex;
    uint64_t generation ABSL_GUARDED_BY(mutex) = 0;
    std::map<int, std::deque<Event>> under_way ABSL_GUARDED_BY(mutex);
    Progress progress ABSL_GUARDED_BY(mutex);
  };
  std::shared_ptr<State> state = std::make_shared<State>();
  bool broken = false;

  Impl(const PolicySpec& s, bool d, GroupReader* from, Journal* to) : spec(s), driven(d), source(from), target(to) {}

  void Restart() {
    broken = false;
    session.reset();
    {
      absl::MutexLock lock(&state->mutex);
      ++state->generation;
      ++state->progress.restarts;
      state->under_way.clear();
    }
    source->Rewind();
  }

  std::string Encode(const PublicFact& fact, const PolicyCommand& command, int ordinal) const {
    log::v1::Command out;
    out.set_kind(log::v1::Command::KIND_POLICY);
    auto* origin = out.mutable_origin();
    origin->set_policy(spec.name);
    origin->set_source_domain(spec.source_domain);
    origin->set_source_shard(fact.source_shard);
    origin->mutable_event()->set_journal_offset(fact.journal_offset);
    origin->mutable_event()->set_index(fact.index * PolicySpec::kCommandsPerEvent + ordinal);
    out.set_command_id(Sha256(origin->SerializeAsString()));
    out.set_issued_at_ms(fact.time_ms);
    out.mutable_actor()->set_subject(absl::StrCat("policy:", spec.name));
    out.set_method(spec.name);
    out.set_traceparent(fact.traceparent);
    out.set_payload(command.payload);
    if (driven) out.set_driven_time_ms(fact.time_ms);
    return Frame(out.SerializeAsString());
  }

  void OnRecord(Partition from, LogRecord record) override {
    if (broken) return;
    auto fact = ParseFact(record);
    const absl::Status acted = fact.ok() && spec.act ? spec.act(*fact) : fact.status();
    if (absl::IsUnavailable(acted)) {
      broken = true;
      return;
    }
    auto commands = acted.ok() ? spec.react(*fact) : absl::StatusOr<std::vector<PolicyCommand>>(acted);
    if (commands.ok() && commands->size() > PolicySpec::kCommandsPerEvent)
      commands = absl::OutOfRangeError(absl::StrCat(commands->size(), " commands of one event"));
    uint64_t generation;
    {
      absl::MutexLock lock(&state->mutex);
      generation = state->generation;
      const int open = commands.ok() ? static_cast<int>(commands->size()) : 1;
      state->under_way[from.shard].push_back({record.offset, open});
    }
    if (!commands.ok()) {
      Headers headers = record.headers;
      headers.emplace_back("civicmesh-error", std::string(commands.status().message()));
      headers.emplace_back("civicmesh-policy", spec.name);
      Send({Topic::kParked, 0}, std::move(record.value), std::move(headers), from.shard, record.offset, generation);
      absl::MutexLock lock(&state->mutex);
      ++state->progress.parked;
      return;
    }
    int ordinal = 0;
    for (const auto& command : *commands)
      Send({Topic::kInbox, command.shard}, Encode(*fact, command, ordinal++), {}, from.shard, record.offset,
           generation);
    absl::MutexLock lock(&state->mutex);
    state->progress.commands += commands->size();
  }
  void OnEnd(Partition, int64_t) override {}
  void OnTrouble(Partition, absl::Status) override { broken = true; }

  void Send(Partition to, std::string value, Headers headers, int shard, int64_t offset, uint64_t generation) {
    if (broken) return;
    if (!session) session = target->NewAppender();
    auto status = session->Append(to, std::move(value), std::move(headers),
                                  [state = state, shard, offset, generation](absl::StatusOr<int64_t> landed) {
                                    if (!landed.ok()) return;  // Health tells; the runner starts again
                                    absl::MutexLock lock(&state->mutex);
                                    if (generation != state->generation) return;
                                    for (auto& event : state->under_way[shard])
                                      if (event.offset == offset) --event.open;
                                  });
    if (!status.ok()) broken = true;
  }

  void CommitDone() {
    std::map<int, int64_t> done;
    {
      absl::MutexLock lock(&state->mutex);
      for (auto& [shard, events] : state->under_way)
        for (; !events.empty() && events.front().open <= 0; events.pop_front()) done[shard] = events.front().offset + 1;
    }
    for (auto [shard, next] : done) source->Commit(shard, next);
    auto held = source->Held();
    absl::MutexLock lock(&state->mutex);
    state->progress.committed = std::move(held);
  }
};

PolicyRunner::PolicyRunner(PolicySpec spec, bool driven, GroupReader* source, Journal* target)
    : spec_(std::move(spec)), impl_(std::make_unique<Impl>(spec_, driven, source, target)) {}

PolicyRunner::~PolicyRunner() = default;

void PolicyRunner::Turn(int max, int wait_ms) {
  if (impl_->broken || (impl_->session && !impl_->session->Health().ok())) impl_->Restart();
  impl_->source->Poll(*impl_, max, wait_ms);
  impl_->CommitDone();
}

void PolicyRunner::Run(const std::function<void()>& turned) {
  while (!stop_) {
    Turn(kTurn, kWaitMs);
    turned();
  }
}

PolicyRunner::Progress PolicyRunner::progress() const {
  absl::MutexLock lock(&impl_->state->mutex);
  return impl_->state->progress;
}

}  // namespace civicmesh
