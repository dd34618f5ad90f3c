#include "services/runtime/hotstate/redis_replies.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "services/runtime/hotstate/redis_wire.h"

namespace civicmesh {
namespace {

constexpr int64_t kReconnectMs = 500, kAnswerMs = 2000;
constexpr int kWaitMs = 100;
// Waiting here, or sent and not confirmed.
constexpr size_t kMaxQueued = 20000;

}  // namespace

struct RedisReplies::Impl {
  struct Server {
    Impl* impl = nullptr;
    std::string address;
    RedisWire in, out;
    std::deque<int64_t> sent_at;  // of what was published and not confirmed
    int64_t open_at_ms = 0;
    std::atomic<bool> listening{false};
  };
  struct Outgoing {
    size_t server;
    std::string channel, reply;
  };

  const std::string channel;
  const std::function<void(std::string_view)> heard;
  const RedisLogin login;
  std::vector<std::unique_ptr<Server>> servers;
  const int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  absl::Mutex mutex;
  std::deque<Outgoing> queue ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread thread;

  Impl(std::string c, std::function<void(std::string_view)> h, RedisLogin l)
      : channel(std::move(c)), heard(std::move(h)), login(std::move(l)) {}
  ~Impl() { close(wake_fd); }

  void Wake() const {
    const uint64_t one = 1;
    (void)!write(wake_fd, &one, sizeof one);
  }

  bool Take(std::deque<Outgoing>* taken) {
    absl::MutexLock lock(&mutex);
    taken->swap(queue);
    return !stopping;
  }

  void Run() {
    std::deque<Outgoing> taken;
    while (Take(&taken)) {
      for (auto& server : servers) Mend(*server);
      for (const auto& one : taken) Publish(*servers[one.server], one);
      taken.clear();
      Poll();
    }
    for (auto& server : servers) Drop(*server);
  }

  // Both connections, or neither.
  void Mend(Server& s) {
    const int64_t now = SteadyMs();
    const bool late = !s.sent_at.empty() && now - s.sent_at.front() > kAnswerMs;
    const bool whole = s.in.context && s.out.context && !s.in.context->err && !s.out.context->err && !late;
    if (whole) return;
    if (s.in.context || s.out.context) s.open_at_ms = now + kReconnectMs;
    Drop(s);
    if (now < s.open_at_ms) return;
    s.open_at_ms = now + kReconnectMs;
    s.in.Open(s.address, login);
    s.out.Open(s.address, login);
    if (s.in.context->err || s.out.context->err) return;
    // A listener sends nothing, so only this tells it that the other side has gone.
    if (s.in.context->c.connection_type == REDIS_CONN_TCP) redisEnableKeepAlive(&s.in.context->c);
    redisAsyncCommand(
        s.in.context, [](redisAsyncContext*, void* r, void* of) { Heard(*static_cast<Server*>(of), r); }, &s,
        "SUBSCRIBE %b", channel.data(), channel.size());
  }

  static void Heard(Server& s, void* raw) {
    const auto* r = static_cast<const redisReply*>(raw);
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 3) return;
    const std::string_view kind(r->element[0]->str, r->element[0]->len);
    if (kind == "subscribe") s.listening = true;
    if (kind == "message") s.impl->heard({r->element[2]->str, r->element[2]->len});
  }

  static void Publish(Server& s, const Outgoing& one) {
    if (!s.out.context || s.sent_at.size() >= kMaxQueued) return;
    s.sent_at.push_back(SteadyMs());
    const int taken = redisAsyncCommand(
        s.out.context,
        [](redisAsyncContext*, void*, void* of) {
          auto* server = static_cast<Server*>(of);
          if (!server->sent_at.empty()) server->sent_at.pop_front();
        },
        &s, "PUBLISH %b %b", one.channel.data(), one.channel.size(), one.reply.data(), one.reply.size());
    if (taken != REDIS_OK) s.sent_at.pop_back();
  }

  static void Drop(Server& s) {
    s.in.Close();
    s.out.Close();
    s.sent_at.clear();
    s.listening = false;
  }

  void Poll() {
    std::vector<pollfd> fds{{wake_fd, POLLIN, 0}};
    std::vector<RedisWire*> wires;
    for (auto& server : servers)
      for (RedisWire* wire : {&server->in, &server->out}) {
        if (!wire->context || wire->context->err) continue;
        wires.push_back(wire);
        fds.push_back(wire->Wanted());
      }
    poll(fds.data(), fds.size(), kWaitMs);
    uint64_t drained;
    (void)!read(wake_fd, &drained, sizeof drained);
    for (size_t i = 0; i < wires.size(); ++i) wires[i]->Handle(fds[i + 1].revents);
  }
};

RedisReplies::RedisReplies(std::vector<std::string> servers, std::string channel,
                           std::function<void(std::string_view)> heard, RedisLogin login)
    : impl_(std::make_unique<Impl>(std::move(channel), std::move(heard), std::move(login))) {
  for (auto& address : servers) {
    auto& server = impl_->servers.emplace_back(std::make_unique<Impl::Server>());
    server->impl = impl_.get();
    server->address = std::move(address);
  }
  impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

RedisReplies::~RedisReplies() {
  {
    absl::MutexLock lock(&impl_->mutex);
    impl_->stopping = true;
  }
  impl_->Wake();
  impl_->thread.join();
}

void RedisReplies::Send(int shard, std::string channel, std::string reply) {
  {
    absl::MutexLock lock(&impl_->mutex);
    if (impl_->queue.size() >= kMaxQueued) return;
    impl_->queue.push_back({shard % impl_->servers.size(), std::move(channel), std::move(reply)});
    if (impl_->queue.size() > 1) return;  // whoever put the first one in wakes the thread
  }
  impl_->Wake();
}

bool RedisReplies::listening() const {
  for (const auto& server : impl_->servers)
    if (!server->listening) return false;
  return true;
}

}  // namespace civicmesh
