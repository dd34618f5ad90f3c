#include "services/runtime/hotstate/redis_hot_state.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/runtime/base/names.h"
#include "services/runtime/hotstate/redis_scripts.h"
#include "services/runtime/hotstate/redis_wire.h"

namespace civicmesh {
namespace {

enum class Script { kFold, kClear, kRefill, kUnverify, kRead, kScan, kRange };
constexpr int kScripts = 7;

std::string TextOf(Script script) {
  using namespace redis_scripts;
  const auto write = [](const char* body) { return absl::StrCat(kPut, body); };
  const auto read = [](const char* body) { return absl::StrCat(kMeta, body); };
  switch (script) {
    case Script::kFold:
      return write(kFold);
    case Script::kClear:
      return write(kClear);
    case Script::kRefill:
      return write(kRefill);
    case Script::kUnverify:
      return write(kUnverify);
    case Script::kRead:
      return read(kRead);
    case Script::kScan:
      return read(kScan);
    case Script::kRange:
      return read(kRange);
  }
  return "";
}

std::string TextOf(const redisReply* r) { return r && r->str ? std::string(r->str, r->len) : ""; }

// What follows "name:" on a line of INFO.
std::string InfoField(const std::string& info, const std::string& name) {
  size_t at = info.find("\n" + name + ":");
  if (at == std::string::npos) return "";
  at += name.size() + 2;
  return info.substr(at, info.find('\r', at) - at);
}

void AppendChanges(std::vector<std::string>& args, HotChanges changes) {
  for (HotTable table : {HotTable::kStreams, HotTable::kOutcomes, HotTable::kPolicies}) {
    std::vector<std::string> sets, deletes;
    for (auto& write : changes.writes) {
      if (write.table != table) continue;
      if (write.value) {
        sets.push_back(std::move(write.key));
        sets.push_back(std::move(*write.value));
      } else {
        deletes.push_back(std::move(write.key));
      }
    }
    args.push_back(absl::StrCat(sets.size() / 2));
    for (auto& s : sets) args.push_back(std::move(s));
    args.push_back(absl::StrCat(deletes.size()));
    for (auto& s : deletes) args.push_back(std::move(s));
  }
  for (auto* rows : {&changes.rows_removed, &changes.rows_added}) {
    args.push_back(absl::StrCat(rows->size()));
    for (auto& row : *rows) args.push_back(std::move(row));
  }
}

std::string TableIndex(HotTable table) { return absl::StrCat(static_cast<int>(table) + 2); }

}  // namespace

struct RedisHotState::Impl {
  // Null: no answer.
  using Answer = std::function<void(const redisReply*)>;
  struct Call {
    std::vector<std::string> args;
    Answer answer;
  };
  struct Connection {
    Impl* impl = nullptr;
    int shard = 0;
    RedisWire wire;
    std::string run_id;
    std::vector<std::string> digests;
    bool ready = false;
    std::string refused;          // why this server is not used
    std::deque<Call> waiting;     // until ready
    std::deque<int64_t> sent_at;  // of the calls under way
  };
  struct Sent {
    Connection* connection;
    Answer answer;
  };

  RedisOptions options;
  std::map<int, std::unique_ptr<Connection>> connections;
  int delivered = 0;

  std::vector<std::string> Keys(int fold_version, int shard) const {
    const std::string prefix = HotPrefix(options.domain, fold_version, shard);
    std::vector<std::string> keys;
    for (const char* name : {"meta", "streams", "outcomes", "policies", "rows"}) keys.push_back(prefix + name);
    return keys;
  }

  Connection& Connected(int shard) {
    auto& connection = connections[shard];
    if (!connection) {
      connection = std::make_unique<Connection>();
      connection->impl = this;
      connection->shard = shard;
    }
    if (!connection->wire.context) Open(*connection);
    return *connection;
  }

  const std::string& ServerOf(int shard) const { return options.servers[shard % options.servers.size()]; }

  void Open(Connection& c) {
    c.wire.Open(ServerOf(c.shard), options.login);
    c.ready = false;
    c.sent_at.clear();
    c.digests.clear();
    if (c.wire.context->err) return;  // found at the next Poll
    // hiredis asks for the write by itself only with the first command.
    Send(c, {"INFO"}, [this, &c](const redisReply* r) { Greeted(c, r); });
  }

  void Greeted(Connection& c, const redisReply* reply) {
    const std::string info = TextOf(reply);
    c.run_id = InfoField(info, "run_id");
    if (c.run_id.empty()) {
      // Without a login the call itself says why.
      c.refused = RefusedByRedis(ServerOf(c.shard), c.wire.refused.empty() ? info : c.wire.refused);
      return Drop(c);
    }
    c.refused = InfoField(info, "maxmemory_policy") == "noeviction" ? "" : "Redis maxmemory-policy must be noeviction";
    if (!c.refused.empty()) return Drop(c);
    for (int i = 0; i < kScripts; ++i) {
      Send(c, {"SCRIPT", "LOAD", TextOf(static_cast<Script>(i))}, [this, &c](const redisReply* r) {
        if (!r || r->type != REDIS_REPLY_STRING) return;
        c.digests.push_back(TextOf(r));
        if (c.digests.size() < kScripts) return;
        c.ready = true;
        while (c.wire.context && !c.waiting.empty()) {
          Call call = std::move(c.waiting.front());
          c.waiting.pop_front();
          SendScript(c, std::move(call));
        }
      });
    }
  }

  void Send(Connection& c, const std::vector<std::string>& args, Answer answer) {
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const auto& arg : args) {
      texts.push_back(arg.data());
      sizes.push_back(arg.size());
    }
    c.sent_at.push_back(SteadyMs());
    auto* sent = new Sent{&c, std::move(answer)};
    const int rc = redisAsyncCommandArgv(
        c.wire.context,
        [](redisAsyncContext* from, void* reply, void* data) {
          std::unique_ptr<Sent> done(static_cast<Sent*>(data));
          if (done->connection->wire.context == from && !done->connection->sent_at.empty())
            done->connection->sent_at.pop_front();
          ++done->connection->impl->delivered;
          done->answer(static_cast<const redisReply*>(reply));
        },
        sent, static_cast<int>(args.size()), texts.data(), sizes.data());
    if (rc == REDIS_OK) return;
    std::unique_ptr<Sent> refused(sent);
    c.sent_at.pop_back();
    refused->answer(nullptr);
  }

  void SendScript(Connection& c, Call call) {
    call.args[1] = c.digests[std::stoul(call.args[1])];
    Send(c, call.args, std::move(call.answer));
  }

  void Eval(int shard, Script script, int fold_version, std::vector<std::string> args, Answer answer) {
    std::vector<std::string> all{"EVALSHA", absl::StrCat(static_cast<int>(script)), "5"};
    for (auto& key : Keys(fold_version, shard)) all.push_back(std::move(key));
    for (auto& arg : args) all.push_back(std::move(arg));
    Connection& c = Connected(shard);
    Call call{std::move(all), std::move(answer)};
    if (c.ready)
      SendScript(c, std::move(call));
    else
      c.waiting.push_back(std::move(call));
  }

  // Answers everything pending with "unknown".
  void Drop(Connection& c) {
    c.ready = false;
    std::deque<Call> waiting = std::move(c.waiting);
    c.waiting.clear();
    c.sent_at.clear();
    c.wire.Close();
    delivered += static_cast<int>(waiting.size());
    for (auto& call : waiting) call.answer(nullptr);
  }

  void Write(int shard, Script script, int fold_version, std::vector<std::string> args, Done done) {
    Eval(shard, script, fold_version, std::move(args), [done = std::move(done)](const redisReply* r) {
      const std::string text = r && r->type != REDIS_REPLY_ERROR ? TextOf(r) : "";
      // An error of a script says nothing of what it wrote before.
      done(text == "OK"       ? HotResult::kOk
           : text == "FENCED" ? HotResult::kFenced
           : text == "MOVED"  ? HotResult::kMoved
                              : HotResult::kUnknown);
    });
  }

  // The meta part of a read's answer; false when there is no usable answer.
  static bool Meta(const redisReply* r, HotPiece& piece) {
    if (!r || r->type != REDIS_REPLY_ARRAY || r->elements < 2 || r->element[0]->elements != 5) return false;
    auto** m = r->element[0]->element;
    piece.point = {TextOf(m[0]), TextOf(m[1])};
    (void)absl::SimpleAtoi(TextOf(m[2]), &piece.fence);
    if (m[3]->type == REDIS_REPLY_STRING) piece.verified = HotVerified{TextOf(m[3]), TextOf(m[4])};
    return true;
  }

  absl::Status Gone(int shard) {
    const auto& refused = connections[shard]->refused;
    return refused.empty() ? absl::UnavailableError("Redis did not answer") : absl::FailedPreconditionError(refused);
  }

  void Values(int shard, Script script, std::vector<std::string> args,
              std::function<void(absl::StatusOr<HotRead>)> done) {
    Eval(shard, script, options.fold_version, std::move(args),
         [this, shard, done = std::move(done)](const redisReply* r) {
           HotPiece piece;
           if (!Meta(r, piece)) return done(Gone(shard));
           HotRead read;
           read.point = std::move(piece.point);
           read.verified = piece.verified && piece.verified->run_id == connections[shard]->run_id;
           for (size_t i = 0; i < r->element[1]->elements; ++i) {
             const redisReply* value = r->element[1]->element[i];
             read.values.push_back(value->type == REDIS_REPLY_STRING ? std::optional(TextOf(value)) : std::nullopt);
           }
           done(std::move(read));
         });
  }
};

RedisHotState::RedisHotState(RedisOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}

RedisHotState::~RedisHotState() {
  for (auto& [shard, connection] : impl_->connections) impl_->Drop(*connection);
}

void RedisHotState::Fold(int shard, uint64_t epoch, std::string expected, HotPointValue next, HotChanges changes,
                         Done done) {
  std::vector<std::string> args{absl::StrCat(epoch), std::move(expected), std::move(next.token), std::move(next.blob)};
  AppendChanges(args, std::move(changes));
  impl_->Write(shard, Script::kFold, impl_->options.fold_version, std::move(args), std::move(done));
}

void RedisHotState::Clear(int shard, uint64_t epoch, std::string repair_id, Done done) {
  impl_->Write(shard, Script::kClear, impl_->options.fold_version, {absl::StrCat(epoch), std::move(repair_id)},
               std::move(done));
}

void RedisHotState::Refill(int shard, uint64_t epoch, std::string repair_id, HotChanges part,
                           std::optional<HotPointValue> finish, Done done) {
  const HotPointValue point = finish.value_or(HotPointValue{});
  std::vector<std::string> args{absl::StrCat(epoch), std::move(repair_id), finish ? "1" : "0",
                                point.token,         point.blob,           impl_->Connected(shard).run_id};
  AppendChanges(args, std::move(part));
  impl_->Write(shard, Script::kRefill, impl_->options.fold_version, std::move(args), std::move(done));
}

void RedisHotState::Unverify(int shard, uint64_t epoch, int other_fold_version, Done done) {
  impl_->Write(shard, Script::kUnverify, other_fold_version, {absl::StrCat(epoch)}, std::move(done));
}

void RedisHotState::Look(int shard, std::function<void(absl::StatusOr<HotPiece>)> done) {
  impl_->Eval(shard, Script::kRead, impl_->options.fold_version, {"2"},
              [impl = impl_.get(), shard, done = std::move(done)](const redisReply* r) {
                HotPiece piece;
                if (!Impl::Meta(r, piece)) return done(impl->Gone(shard));
                piece.server_run_id = impl->connections[shard]->run_id;
                done(std::move(piece));
              });
}

void RedisHotState::Scan(int shard, HotTable table, uint64_t cursor,
                         std::function<void(absl::StatusOr<HotPiece>)> done) {
  impl_->Eval(shard, Script::kScan, impl_->options.fold_version, {TableIndex(table), absl::StrCat(cursor)},
              [impl = impl_.get(), shard, done = std::move(done)](const redisReply* r) {
                HotPiece piece;
                if (!Impl::Meta(r, piece) || r->elements != 3) return done(impl->Gone(shard));
                piece.server_run_id = impl->connections[shard]->run_id;
                const redisReply* entries = r->element[1];
                for (size_t i = 0; i + 1 < entries->elements; i += 2)
                  piece.entries.emplace_back(TextOf(entries->element[i]), TextOf(entries->element[i + 1]));
                (void)absl::SimpleAtoi(TextOf(r->element[2]), &piece.next_cursor);
                done(std::move(piece));
              });
}

void RedisHotState::Read(int shard, HotTable table, std::vector<std::string> keys,
                         std::function<void(absl::StatusOr<HotRead>)> done) {
  std::vector<std::string> args{TableIndex(table)};
  for (auto& key : keys) args.push_back(std::move(key));
  impl_->Values(shard, Script::kRead, std::move(args), std::move(done));
}

void RedisHotState::Range(int shard, std::string from, std::string to, int limit, bool descending,
                          std::function<void(absl::StatusOr<HotRead>)> done) {
  impl_->Values(shard, Script::kRange, {std::move(from), std::move(to), absl::StrCat(limit), descending ? "1" : "0"},
                std::move(done));
}

void RedisHotState::Reconnect(int shard) {
  auto it = impl_->connections.find(shard);
  if (it != impl_->connections.end()) impl_->Drop(*it->second);
}

std::vector<std::pair<int, short>> RedisHotState::PollDescriptors() {
  std::vector<std::pair<int, short>> fds;
  for (auto& [shard, c] : impl_->connections) {
    if (!c->wire.context) continue;
    const pollfd wanted = c->wire.Wanted();
    fds.emplace_back(wanted.fd, wanted.events);
  }
  return fds;
}

int RedisHotState::Poll(int wait_ms) {
  impl_->delivered = 0;
  std::vector<pollfd> fds;
  std::vector<Impl::Connection*> of;
  for (auto& [shard, c] : impl_->connections) {
    if (!c->wire.context) continue;
    fds.push_back(c->wire.Wanted());
    of.push_back(c.get());
  }
  if (!fds.empty()) poll(fds.data(), fds.size(), wait_ms);
  const int64_t now = SteadyMs();
  for (size_t i = 0; i < fds.size(); ++i) {
    Impl::Connection& c = *of[i];
    c.wire.Handle(fds[i].revents);
    const bool late =
        c.wire.context && !c.sent_at.empty() && now - c.sent_at.front() > impl_->options.command_timeout_ms;
    if (!c.wire.context || c.wire.context->err || late) impl_->Drop(c);
  }
  return impl_->delivered;
}

}  // namespace civicmesh
