#include "services/runtime/hotstate/redis_hot_state.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "services/runtime/hotstate/hot_state_contract.h"

namespace civicmesh {
namespace {

// A redis-server of its own on a unix socket, restarted from its dump.
class RealServer : public HotServer {
 public:
  RealServer() {
    char folder[] = "/tmp/civicmesh-redis-XXXXXX";
    folder_ = mkdtemp(folder);
    Start();
  }
  ~RealServer() override {
    Stop(SIGKILL);
    for (const char* name : {"/redis.sock", "/dump.rdb", "/log"}) unlink((folder_ + name).c_str());
    rmdir(folder_.c_str());
  }
  std::unique_ptr<HotState> Connect(int fold_version) override {
    return std::make_unique<RedisHotState>(
        RedisOptions{.servers = {"unix:" + folder_ + "/redis.sock"}, .domain = "test", .fold_version = fold_version});
  }
  void FlushAll() override { Command("FLUSHALL"); }
  void Restart() override {
    Command("SAVE");
    Stop(SIGKILL);
    Start();
  }

 private:
  bool Command(const char* command) {
    redisContext* c = redisConnectUnix((folder_ + "/redis.sock").c_str());
    redisReply* r = c && !c->err ? static_cast<redisReply*>(redisCommand(c, command)) : nullptr;
    const bool ok = r && r->type != REDIS_REPLY_ERROR;
    if (r) freeReplyObject(r);
    if (c) redisFree(c);
    return ok;
  }
  void Start() {
    unlink((folder_ + "/redis.sock").c_str());
    pid_ = fork();
    if (pid_ == 0) {
      const int log = open((folder_ + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      dup2(log, 1);
      execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", (folder_ + "/redis.sock").c_str(), "--dir",
             folder_.c_str(), "--save", "", "--maxmemory-policy", "noeviction", nullptr);
      _exit(127);
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!Command("PING")) ASSERT_LT(std::chrono::steady_clock::now(), until) << "redis-server did not start";
  }
  void Stop(int signal) {
    kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
  }

  std::string folder_;
  pid_t pid_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Redis, HotStateContract,
                         testing::Values(HotStateMaker{"redis", [] { return std::make_unique<RealServer>(); }}));

}  // namespace
}  // namespace civicmesh
