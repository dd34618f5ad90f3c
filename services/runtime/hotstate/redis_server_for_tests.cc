#include "services/runtime/hotstate/redis_server_for_tests.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace civicmesh {

RedisServerForTests::RedisServerForTests() {
  char folder[] = "/tmp/civicmesh-redis-XXXXXX";
  folder_ = mkdtemp(folder);
  Start();
}

RedisServerForTests::~RedisServerForTests() {
  Stop(SIGKILL);
  for (const char* name : {"/redis.sock", "/dump.rdb", "/log"}) unlink((folder_ + name).c_str());
  rmdir(folder_.c_str());
}

bool RedisServerForTests::Command(const char* command) const {
  redisContext* c = redisConnectUnix((folder_ + "/redis.sock").c_str());
  redisReply* r = c && !c->err ? static_cast<redisReply*>(redisCommand(c, command)) : nullptr;
  const bool ok = r && r->type != REDIS_REPLY_ERROR;
  if (r) freeReplyObject(r);
  if (c) redisFree(c);
  return ok;
}

void RedisServerForTests::Start() {
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

void RedisServerForTests::Stop(int signal) {
  kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
}

}  // namespace civicmesh
