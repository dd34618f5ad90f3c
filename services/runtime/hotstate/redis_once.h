// Once (once.h) in Redis: SET NX with an expiry, a key for each id. A connection per server, on a thread of its own;
// after trouble it is made anew half a second later, and until then the answer is kUnknown at once. A server that does
// not answer within a second is trouble.
//
// The destructor answers what is left with kUnknown and blocks until the thread has ended.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/runtime/hotstate/once.h"
#include "services/runtime/hotstate/redis_login.h"

namespace civicmesh {

class RedisOnce : public Once {
 public:
  // As RedisOptions::servers. Those who share ids must name the same ones in the same order: which of them keeps an id
  // follows from it.
  explicit RedisOnce(std::vector<std::string> servers, RedisLogin login = {});
  ~RedisOnce() override;

  // More than 10,000 at once are kUnknown.
  void Use(const std::string& id, absl::Duration keep, Done done) override;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
