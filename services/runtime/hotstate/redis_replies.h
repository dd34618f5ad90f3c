// How the owner of a shard answers a replica that waits: over Redis pub/sub on the shard's server (DESIGN section 2,
// "The way of a command", 4).
//
//   RedisReplies replies(servers, ReplyChannel("intake", replica), [&](std::string_view reply) { … });
//   replies.Send(shard, command.reply_to(), reply.SerializeAsString());
//
// Best effort: what does not arrive is looked up by whoever waits for it. Two connections per server, on a thread of
// its own; after trouble with one of them both are made anew, half a second later.
//
// Thread-safe. Send only queues. `heard` is called on the thread and must not block. The destructor blocks until the
// thread has ended.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/runtime/hotstate/redis_login.h"

namespace civicmesh {

class RedisReplies {
 public:
  // As RedisOptions::servers: shard i lives on server i mod their number, and `channel` is heard on each of them.
  RedisReplies(std::vector<std::string> servers, std::string channel, std::function<void(std::string_view)> heard,
               RedisLogin login = {});
  ~RedisReplies();

  // Drops the reply where too many wait already, or the server is away.
  void Send(int shard, std::string channel, std::string reply);

  // Every server has confirmed that it passes on what is sent to the channel.
  bool listening() const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh
