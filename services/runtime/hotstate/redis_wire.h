// One connection to Redis within its user's own loop: what poll(2) has to look for, and what to do when it came.
//
//   wire.Open("unix:/run/redis.sock", login);       // or "host:port"; logs in before anything else is sent
//   if (wire.context->err) …                        // it could not even be begun
//   pollfd wanted = wire.Wanted();                  // … poll …
//   wire.Handle(wanted.revents);                    // context is null where the connection has gone
//
// One thread uses a wire, which stays where it is while it is open. Nothing blocks.
#pragma once

#include <poll.h>

#include <cstdint>
#include <string>

#include "services/runtime/hotstate/redis_login.h"

struct redisAsyncContext;

namespace civicmesh {

// Of the steady clock: how long Redis takes is measured against no business time.
int64_t SteadyMs();

struct RedisWire {
  redisAsyncContext* context = nullptr;
  std::string refused;  // why Redis does not take the login, from when it has said so until the next Open

  void Open(const std::string& server, const RedisLogin& login);
  // What is not answered is answered with null before this returns.
  void Close();
  pollfd Wanted() const;
  void Handle(short events);

 private:
  bool reading_ = false, writing_ = false;
};

}  // namespace civicmesh
