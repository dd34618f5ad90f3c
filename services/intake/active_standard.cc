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
  std::map<int, Known> known ABSL_GUARDED_BY(mutex);
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

  void Take(int shard, const absl::StatusOr<HotRead>& read) {
    log::v1::HotPoint point;
    if (!read.ok() || !read->verified || !point.ParseFromString(read->point.blob)) return;
    Known now{.read_at_ms = service.clock->steady_ms(), .shard_now_ms = point.now_ms(), .activations = {}};
    for (const auto& activation : point.activations())
      if (activation.kind() == kStandard) now.activations.push_back(activation);
    absl::MutexLock lock(&mutex);
    known[shard] = std::move(now);
  }

  std::shared_ptr<const ReferenceLibrary::Content> Find(int shard, int64_t now_ms) {
    absl::MutexLock lock(&mutex);
    auto it = known.find(shard);
    if (it == known.end()) return nullptr;
    now_ms = std::max(now_ms, it->second.shard_now_ms);
    std::shared_ptr<const ReferenceLibrary::Content> found;
    for (const auto& activation : it->second.activations)
      if (activation.valid_from_ms() <= now_ms) found = service.references->Find(kStandard, activation.sha256());
    return found;
  }

  void Use(int shard, int64_t now_ms, const std::function<void(const IntakeStandard*)>& use) {
    const auto content = Find(shard, now_ms);
    use(content ? static_cast<const IntakeStandard*>(content->parsed.get()) : nullptr);
  }
};

ActiveStandard::ActiveStandard(const ServiceContext& service) : state_(std::make_unique<State>(service)) {}
ActiveStandard::~ActiveStandard() = default;

void ActiveStandard::With(int shard, int64_t now_ms, std::function<void(const IntakeStandard*)> use) {
  State* const state = state_.get();
  const auto [known, due] = state->Look(shard);
  if (known) state->Use(shard, now_ms, use);
  if (!due) return;
  state->service.reads->Read(
      shard, HotTable::kStreams, {},
      [state, shard, now_ms, use = known ? nullptr : std::move(use)](absl::StatusOr<HotRead> read) {
        state->Take(shard, read);
        if (!use) return;
        const auto task = [=] { state->Use(shard, now_ms, use); };
        if (!state->executor.Post(task)) task();
      });
}

}  // namespace civicmesh::intake
