#include "services/runtime/hotstate/redis_once.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "services/runtime/base/names.h"
#include "services/runtime/hotstate/redis_wire.h"

namespace civicmesh {
namespace {

constexpr int64_t kReconnectMs = 500, kAnswerMs = 1000;
constexpr int kWaitMs = 100;
constexpr size_t kMaxWaiting = 10000;

}  // namespace

struct RedisOnce::Impl {
  struct Server {
    std::string address;
    RedisWire wire;
    std::deque<int64_t> sent_at;  // of what was not answered
    int64_t open_at_ms = 0;
  };
  struct Asked {
    std::string id;
    int64_t keep_ms;
    Done done;
    Server* of = nullptr;
  };

  const RedisLogin login;
  std::vector<std::unique_ptr<Server>> servers;
  const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  absl::Mutex mutex;
  std::deque<Asked> queue ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;

  explicit Impl(RedisLogin l) : login(std::move(l)) {}
  ~Impl() { close(wake_fd); }

  void Wake() const {
    const uint64_t one = 1;
    (void)!write(wake_fd, &one, sizeof one);
  }

  bool Queue(Asked asked) {
    absl::MutexLock lock(&mutex);
    if (queue.size() >= kMaxWaiting) return false;
    queue.push_back(std::move(asked));
    return true;
  }

  bool Take(std::deque<Asked>* taken) {
    absl::MutexLock lock(&mutex);
    taken->swap(queue);
    return !stopping;
  }

  void Run() {
    std::deque<Asked> taken;
    while (Take(&taken)) {
      for (auto& server : servers) Mend(*server);
      for (auto& one : taken) Ask(std::move(one));
      taken.clear();
      Poll();
    }
    for (auto& one : taken) one.done(Result::kUnknown);
    for (auto& server : servers) server->wire.Close();
  }

  void Mend(Server& s) const {
    const int64_t now = SteadyMs();
    const bool late = !s.sent_at.empty() && now - s.sent_at.front() > kAnswerMs;
    if (s.wire.context && !s.wire.context->err && !late) return;
    if (s.wire.context) s.open_at_ms = now + kReconnectMs;
    s.wire.Close();
    s.sent_at.clear();
    if (now < s.open_at_ms) return;
    s.open_at_ms = now + kReconnectMs;
    s.wire.Open(s.address, login);
  }

  void Ask(Asked asked) {
    Server& s = *servers[static_cast<size_t>(ShardOf(asked.id, static_cast<int>(servers.size())))];
    if (!s.wire.context || s.wire.context->err) return asked.done(Result::kUnknown);
    const std::string key = OnceKey(asked.id), keep = std::to_string(asked.keep_ms);
    asked.of = &s;
    s.sent_at.push_back(SteadyMs());
    auto* waiting = new Asked(std::move(asked));
    if (redisAsyncCommand(s.wire.context, Answered, waiting, "SET %b 1 NX PX %b", key.data(), key.size(), keep.data(),
                          keep.size()) == REDIS_OK)
      return;
    s.sent_at.pop_back();
    waiting->done(Result::kUnknown);
    delete waiting;
  }

  static void Answered(redisAsyncContext*, void* raw, void* of) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(of));
    if (!asked->of->sent_at.empty()) asked->of->sent_at.pop_front();
    const auto* reply = static_cast<const redisReply*>(raw);
    if (reply && reply->type == REDIS_REPLY_STATUS) return asked->done(Result::kFirst);
    asked->done(reply && reply->type == REDIS_REPLY_NIL ? Result::kAgain : Result::kUnknown);
  }

  void Poll() {
    std::vector<pollfd> fds{{wake_fd, POLLIN, 0}};
    std::vector<RedisWire*> wires;
    for (auto& server : servers) {
      if (!server->wire.context || server->wire.context->err) continue;
      wires.push_back(&server->wire);
      fds.push_back(server->wire.Wanted());
    }
    poll(fds.data(), fds.size(), kWaitMs);
    uint64_t drained;
    (void)!read(wake_fd, &drained, sizeof drained);
    for (size_t i = 0; i < wires.size(); ++i) wires[i]->Handle(fds[i + 1].revents);
  }
};

RedisOnce::RedisOnce(std::vector<std::string> servers, RedisLogin login)
    : impl_(std::make_unique<Impl>(std::move(login))) {
  for (auto& address : servers) {
    impl_->servers.push_back(std::make_unique<Impl::Server>());
    impl_->servers.back()->address = std::move(address);
  }
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

RedisOnce::~RedisOnce() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
  }
  impl_->Wake();
  impl_->thread.join();
}

void RedisOnce::Use(const std::string& id, absl::Duration keep, Done done) {
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(keep, absl::Milliseconds(1)));
  if (!impl_->Queue({id, std::max<int64_t>(1, ms), done})) return done(Result::kUnknown);
  impl_->Wake();
}

}  // namespace civicmesh
