#include "services/intake/active_standard.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/intake/intake_reference.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/hot_reads.h"
#include "services/runtime/rpc/serial_executor.h"
#include "services/runtime/rpc/service_context.h"

namespace civicmesh::intake {
namespace {

constexpr int64_t kFreshMs = 1000;
constexpr size_t kMaxWaiting = 2000;

}  // namespace

struct ActiveStandard::State {
  const ServiceContext& service;
  struct Known {
    int64_t read_at_ms = 0;  // on the steady clock
    int64_t shard_now_ms = 0;
    std::vector<log::v1::Activation> activations;  // of standards, in their order
  };
  absl::Mutex mutex;
  std::map<int, Known> known ABSL_GUARDED_BY(mutex);  // only what knows a standard
  // Reads come back on threads that must not be kept.
  SerialExecutor executor{kMaxWaiting};

  explicit State(const ServiceContext& s) : service(s) {}

  // Whether something is known of the shard, and whether it is due to be read (again).
  std::pair<bool, bool> Look(int shard) {
    absl::MutexLock lock(&mutex);
    auto it = known.find(shard);
    const int64_t now = service.clock->steady_ms();
    if (it == known.end()) return {false, true};
    const bool due = now - it->second.read_at_ms >= kFreshMs;
    if (due) it->second.read_at_ms = now;  // the next callers leave it to this one
    return {true, due};
  }

  // What the read says of the shard, kept where it names a standard.
  absl::StatusOr<Known> Take(int shard, const absl::StatusOr<HotRead>& read) {
    log::v1::HotPoint point;
    if (!read.ok()) return read.status();
    if (!read->verified || !point.ParseFromString(read->point.blob))
      return absl::UnavailableError("hot state is being repaired");
    Known now{.read_at_ms = service.clock->steady_ms(), .shard_now_ms = point.now_ms(), .activations = {}};
    for (const auto& activation : point.activations())
      if (activation.kind() == kStandard) now.activations.push_back(activation);
    absl::MutexLock lock(&mutex);
    if (!now.activations.empty()) known[shard] = now;
    return now;
  }

  Known Get(int shard) {
    absl::MutexLock lock(&mutex);
    return known[shard];
  }

  // What holds in another shard, in place of what could not be read: an activation goes to all of them.
  absl::StatusOr<Known> Elsewhere(const absl::Status& why) {
    absl::MutexLock lock(&mutex);
    if (known.empty()) return why;
    return known.begin()->second;
  }

  absl::StatusOr<std::shared_ptr<const IntakeStandard>> Choose(const Known& from, int64_t now_ms) const {
    const log::v1::Activation* active = nullptr;
    for (const auto& activation : from.activations)
      if (activation.valid_from_ms() <= std::max(now_ms, from.shard_now_ms)) active = &activation;
    if (!active) return nullptr;
    const auto content = service.references->Find(kStandard, active->sha256());
    if (!content) return absl::UnavailableError("the standard is not loaded yet");
    return std::shared_ptr<const IntakeStandard>(content, static_cast<const IntakeStandard*>(content->parsed.get()));
  }
};

ActiveStandard::ActiveStandard(const ServiceContext& service) : state_(std::make_unique<State>(service)) {}
ActiveStandard::~ActiveStandard() = default;

void ActiveStandard::With(int shard, int64_t now_ms, Use use) {
  State* const state = state_.get();
  const auto [known, due] = state->Look(shard);
  if (known) use(state->Choose(state->Get(shard), now_ms));
  if (!due) return;
  state->service.reads->Read(
      shard, HotTable::kStreams, {},
      [state, shard, now_ms, use = known ? nullptr : std::move(use)](absl::StatusOr<HotRead> read) {
        auto taken = state->Take(shard, read);
        if (!use) return;
        if (!taken.ok()) taken = state->Elsewhere(taken.status());
        const auto task = [state, now_ms, use, taken = std::move(taken)] {
          if (!taken.ok()) return use(taken.status());
          use(state->Choose(*taken, now_ms));
        };
        if (!state->executor.Post(task)) task();
      });
}

}  // namespace civicmesh::intake
