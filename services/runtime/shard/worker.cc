#include "services/runtime/shard/worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {
namespace {

constexpr int kReadPerTurn = 2000;
constexpr int kDecidePerTurn = 500;
constexpr int kPublishPerTurn = 1000;
constexpr int kIdleWaitMs = 20;
constexpr int64_t kStatusEveryMs = 20;

int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct Worker::Impl : LogSink {
  WorkerOptions options;
  Journal* journal;
  HotState* hot;
  std::unique_ptr<LogReader> reader;
  std::shared_ptr<LogAppender> session;
  std::vector<std::unique_ptr<ShardOwner>> owners;
  std::mt19937_64 random{std::random_device{}()};
  int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::thread thread;

  std::atomic<bool> stop{false};
  std::atomic<int64_t> drain_until_ms{0};
  std::atomic<int64_t> last_turn_us{0};
  mutable absl::Mutex mutex;
  std::set<int> wanted ABSL_GUARDED_BY(mutex);
  bool wanted_changed ABSL_GUARDED_BY(mutex) = false;
  std::vector<ShardStatus> status ABSL_GUARDED_BY(mutex);
  std::set<int> assigned;
  int64_t status_at = 0;

  ~Impl() override { close(wake_fd); }

  void OnRecord(Partition from, LogRecord record) override {
    owners[from.shard]->OnRecord(from.topic, std::move(record));
  }
  void OnEnd(Partition from, int64_t offset) override { owners[from.shard]->OnEnd(from.topic, offset); }
  void OnTrouble(Partition from, absl::Status why) override { owners[from.shard]->OnTrouble(from.topic, why); }

  // One session for all shards of the process: one connection and one batch per broker. Its end ends all their epochs,
  // and the first owner to notice makes the next one.
  std::shared_ptr<LogAppender> Session() {
    if (!session || !session->Health().ok()) session = journal->NewAppender();
    return session;
  }

  void Run() {
    while (true) {
      if (stop && (SteadyMs() >= drain_until_ms || AllAtRest())) break;
      TakeAssignment();
      if (!Turn()) WaitForWork();
      last_turn_us = absl::ToUnixMicros(absl::Now());
    }
    session.reset();
  }

  bool Turn() {
    bool any = reader->Poll(*this, kReadPerTurn, 0) > 0;
    any |= hot->Poll(0) > 0;
    for (auto& owner : owners) {
      any |= owner->Advance();
      any |= owner->Decide(kDecidePerTurn);
      any |= owner->Fold();
      any |= owner->Publish(kPublishPerTurn);
      any |= owner->Tick();
    }
    if (!any || SteadyMs() - status_at >= kStatusEveryMs) PublishStatus();
    return any;
  }

  void WaitForWork() {
    std::vector<pollfd> fds{{wake_fd, POLLIN, 0}};
    const int log_fd = reader->descriptor();
    if (log_fd >= 0) fds.push_back({log_fd, POLLIN, 0});
    for (auto [fd, events] : hot->PollDescriptors()) fds.push_back({fd, events, 0});
    // Without a descriptor of the log's the wait stays so short that its latency does not matter.
    poll(fds.data(), fds.size(), log_fd >= 0 ? kIdleWaitMs : 1);
    uint64_t drained;
    while (read(wake_fd, &drained, sizeof drained) > 0) continue;
  }

  bool AllAtRest() {
    for (int shard : assigned)
      if (owners[shard]->serving() && !owners[shard]->AtRest()) return false;
    return true;
  }

  void TakeAssignment() {
    std::set<int> next;
    {
      absl::MutexLock lock(&mutex);
      if (!wanted_changed) return;
      wanted_changed = false;
      next = wanted;
    }
    for (int shard = 0; shard < options.shards; ++shard) {
      const bool before = assigned.count(shard), now = next.count(shard);
      if (now) owners[shard]->Assign();
      if (before && !now) owners[shard]->Revoke();
    }
    assigned = next;
  }

  void PublishStatus() {
    status_at = SteadyMs();
    std::vector<ShardStatus> fresh;
    for (auto& owner : owners) fresh.push_back(owner->Status());
    absl::MutexLock lock(&mutex);
    status = std::move(fresh);
  }

  void Wake() {
    uint64_t one = 1;
    (void)!write(wake_fd, &one, sizeof one);
  }
};

Worker::Worker(WorkerOptions options, Journal* journal, HotState* hot, ReferenceLibrary* references,
               MachineFactory machines, ReplySink replies)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->journal = journal;
  impl_->hot = hot;
  impl_->reader = journal->NewReader();
  Impl* impl = impl_.get();
  for (int shard = 0; shard < options.shards; ++shard) {
    OwnerPorts ports{.reader = impl->reader.get(),
                     .hot = hot,
                     .references = references,
                     .appender = [impl] { return impl->Session(); },
                     .wall_ms = [] { return absl::ToUnixMillis(absl::Now()); },
                     .steady_ms = SteadyMs,
                     .random = [impl] { return impl->random(); },
                     .reply = replies,
                     .machines = machines};
    impl->owners.push_back(std::make_unique<ShardOwner>(shard, options, std::move(ports)));
  }
  impl->PublishStatus();
}

Worker::~Worker() { Stop(absl::ZeroDuration()); }

void Worker::Start() {
  impl_->last_turn_us = absl::ToUnixMicros(absl::Now());
  impl_->thread = std::thread([this] { impl_->Run(); });
}

void Worker::Stop(absl::Duration deadline) {
  if (!impl_->thread.joinable()) return;
  impl_->drain_until_ms = SteadyMs() + absl::ToInt64Milliseconds(deadline);
  impl_->stop = true;
  impl_->Wake();
  impl_->thread.join();
}

void Worker::SetAssigned(std::set<int> shards) {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->wanted = std::move(shards);
    impl_->wanted_changed = true;
  }
  impl_->Wake();
}

std::vector<ShardStatus> Worker::Status() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->status;
}

absl::Time Worker::last_turn() const { return absl::FromUnixMicros(impl_->last_turn_us); }

}  // namespace civicmesh
