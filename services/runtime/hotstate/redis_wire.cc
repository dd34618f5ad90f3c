#include "services/runtime/hotstate/redis_wire.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace civicmesh {

int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

namespace {

void TakeAnswerToLogin(redisAsyncContext* from, void* answer, void*) {
  const auto* reply = static_cast<const redisReply*>(answer);
  if (reply && reply->type == REDIS_REPLY_ERROR)
    static_cast<RedisWire*>(from->data)->refused.assign(reply->str, reply->len);
}

}  // namespace

void RedisWire::Open(const std::string& server, const RedisLogin& login) {
  refused.clear();
  // hiredis 0.14 writes without MSG_NOSIGNAL: a server that went away would end the process.
  std::signal(SIGPIPE, SIG_IGN);
  if (server.starts_with("unix:")) {
    context = redisAsyncConnectUnix(server.c_str() + 5);
  } else {
    const size_t colon = server.rfind(':');
    context = redisAsyncConnect(server.substr(0, colon).c_str(), std::atoi(server.c_str() + colon + 1));
  }
  reading_ = writing_ = false;
  context->data = context->ev.data = this;
  context->ev.addRead = [](void* w) { static_cast<RedisWire*>(w)->reading_ = true; };
  context->ev.delRead = [](void* w) { static_cast<RedisWire*>(w)->reading_ = false; };
  context->ev.addWrite = [](void* w) { static_cast<RedisWire*>(w)->writing_ = true; };
  context->ev.delWrite = [](void* w) { static_cast<RedisWire*>(w)->writing_ = false; };
  context->ev.cleanup = [](void* w) {
    static_cast<RedisWire*>(w)->reading_ = static_cast<RedisWire*>(w)->writing_ = false;
  };
  redisAsyncSetDisconnectCallback(context, [](const redisAsyncContext* gone, int) {
    auto* of = static_cast<RedisWire*>(gone->data);
    if (of->context == gone) of->context = nullptr;
  });
  if (!login.password.empty() && !context->err)
    redisAsyncCommand(context, TakeAnswerToLogin, nullptr, "AUTH %b %b", login.username.data(), login.username.size(),
                      login.password.data(), login.password.size());
}

void RedisWire::Close() {
  if (auto* open = std::exchange(context, nullptr)) redisAsyncFree(open);
}

pollfd RedisWire::Wanted() const {
  return {context->c.fd, static_cast<short>((reading_ ? POLLIN : 0) | (writing_ ? POLLOUT : 0)), 0};
}

void RedisWire::Handle(short events) {
  if (context && (events & POLLOUT)) redisAsyncHandleWrite(context);
  if (context && (events & (POLLIN | POLLERR | POLLHUP))) redisAsyncHandleRead(context);
}

}  // namespace civicmesh
