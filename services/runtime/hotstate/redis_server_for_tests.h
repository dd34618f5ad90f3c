// A redis-server of a test's own, on a unix socket in a folder of its own; killed and removed with the object.
//
// For tests only: fails them where it does not start. One thread; each method blocks until the server has done it.
#pragma once

#include <sys/types.h>

#include <string>

namespace civicmesh {

class RedisServerForTests {
 public:
  RedisServerForTests();
  ~RedisServerForTests();
  RedisServerForTests(const RedisServerForTests&) = delete;

  // As RedisOptions::servers has it.
  std::string address() const { return "unix:" + folder_ + "/redis.sock"; }

  // False: no server, or an error.
  bool Command(const char* command) const;
  // Takes up its dump where there is one.
  void Start();
  void Stop(int signal);

 private:
  std::string folder_;
  pid_t pid_ = 0;
};

}  // namespace civicmesh
