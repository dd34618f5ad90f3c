#include "services/runtime/rpc/hot_reads_thread.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace civicmesh {
namespace {

// Between two looks at calls that were never answered.
constexpr int kIdleWaitMs = 100;

}  // namespace

struct HotReadsThread::Impl {
  using Call = std::function<void(HotState&)>;

  std::unique_ptr<HotState> hot;
  const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::atomic<size_t> pending{0};
  absl::Mutex mutex;
  std::deque<Call> calls ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;

  ~Impl() { close(wake_fd); }

  // Drops `call` once the thread is stopping.
  void Post(Call call) {
    {
      absl::MutexLock lock(&mutex);
      if (stopping) return;
      calls.push_back(std::move(call));
      if (calls.size() > 1) return;  // whoever put the first one in wakes the thread
    }
    const uint64_t one = 1;
    (void)!write(wake_fd, &one, sizeof one);
  }

  bool Take(std::deque<Call>* taken) {
    absl::MutexLock lock(&mutex);
    taken->swap(calls);
    return !stopping;
  }

  void Run() {
    std::deque<Call> taken;
    while (Take(&taken)) {
      const bool any = !taken.empty();
      for (auto& call : taken) call(*hot);
      taken.clear();
      if (hot->Poll(0) == 0 && !any) Wait();
    }
    taken.clear();
    hot.reset();
  }

  void Wait() {
    std::vector<pollfd> fds{{wake_fd, POLLIN, 0}};
    for (auto [fd, events] : hot->PollDescriptors()) fds.push_back({fd, events, 0});
    poll(fds.data(), fds.size(), kIdleWaitMs);
    uint64_t drained;
    (void)!read(wake_fd, &drained, sizeof drained);
  }

  // Answers once: whoever drops a read without an answer answers it.
  struct Answer {
    Impl* impl;
    Done done;
    Answer(Impl* i, Done d) : impl(i), done(std::move(d)) {}
    ~Answer() {
      if (done) Give(absl::UnavailableError("stopping"));
    }
    void Give(absl::StatusOr<HotRead> read) {
      --impl->pending;
      std::exchange(done, nullptr)(std::move(read));
    }
  };

  void Submit(Done done, std::function<void(HotState&, Done)> call) {
    if (pending.fetch_add(1) >= kMaxPending) {
      --pending;
      return done(absl::ResourceExhaustedError("too many reads at once"));
    }
    auto answer = std::make_shared<Answer>(this, std::move(done));
    Post([call = std::move(call), answer](HotState& h) {
      call(h, [answer](absl::StatusOr<HotRead> read) { answer->Give(std::move(read)); });
    });
  }
};

HotReadsThread::HotReadsThread(std::unique_ptr<HotState> hot) : impl_(std::make_unique<Impl>()) {
  impl_->hot = std::move(hot);
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

HotReadsThread::~HotReadsThread() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
  }
  const uint64_t one = 1;
  (void)!write(impl_->wake_fd, &one, sizeof one);
  impl_->thread.join();
}

void HotReadsThread::Read(int shard, HotTable table, std::vector<std::string> keys, Done done) {
  impl_->Submit(std::move(done), [=, keys = std::move(keys)](HotState& hot, Done answered) {
    hot.Read(shard, table, keys, std::move(answered));
  });
}

void HotReadsThread::Range(int shard, std::string from, std::string to, int limit, bool descending, Done done) {
  impl_->Submit(std::move(done), [=, from = std::move(from), to = std::move(to)](HotState& hot, Done answered) {
    hot.Range(shard, from, to, limit, descending, std::move(answered));
  });
}

}  // namespace civicmesh
