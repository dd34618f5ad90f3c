// The owner of a single shard over the in-memory log and hot state, turned by hand; time passes by a millisecond a
// turn.
//
//   LoneOwner lone([](int) { return std::make_unique<Toy>(); });
//   lone.Send(command);
//   for (int i = 0; i < 50; ++i) lone.Turn();
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/hotstate/memory_hot_state.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {

struct LoneOwner : LogSink {
  explicit LoneOwner(MachineFactory of) : machines(std::move(of)) { TakeOver(); }

  // Another owner in place of the one before, as after a crash.
  void TakeOver() {
    owner.reset();
    hot = std::make_unique<MemoryHotState>(&redis, "toy");
    reader = journal.NewReader();
    owner = std::make_unique<ShardOwner>(
        0, WorkerOptions{.domain = "toy", .shards = 1},
        OwnerPorts{.reader = reader.get(),
                   .hot = hot.get(),
                   .references = &references,
                   .appender = [this] { return std::shared_ptr<LogAppender>(journal.NewAppender()); },
                   .wall_ms = [this] { return now_ms; },
                   .steady_ms = [this] { return now_ms; },
                   .random = [this] { return ++random; },
                   .reply = [](int, const std::string&, const log::v1::Reply&) {},
                   .machines = machines});
    owner->Assign();
  }
  void Turn() {
    reader->Poll(*this, 1000, 0);
    owner->Advance();
    owner->Decide(1000);
    owner->Fold();
    owner->Publish(1000);
    hot->Poll(0);
    ++now_ms;
  }
  // Puts it into the inbox under an id of its own, issued now.
  absl::Status Send(log::v1::Command command) {
    command.set_command_id(Sha256(absl::StrCat(++random)));
    command.set_issued_at_ms(now_ms);
    return door->Append({Topic::kInbox, 0}, Frame(command.SerializeAsString()), {});
  }

  void OnRecord(Partition from, LogRecord record) override { owner->OnRecord(from.topic, std::move(record)); }
  void OnEnd(Partition from, int64_t offset) override { owner->OnEnd(from.topic, offset); }
  void OnTrouble(Partition from, absl::Status why) override { owner->OnTrouble(from.topic, why); }

  const MachineFactory machines;
  int64_t now_ms = 1'790'000'000'000;
  uint64_t random = 0;
  MemoryLog log{1, [this] { return now_ms; }};
  MemoryJournal journal{&log};
  MemoryRedis redis;
  ReferenceLibrary references{{}};
  std::unique_ptr<LogAppender> door = journal.NewAppender();
  std::unique_ptr<MemoryHotState> hot;
  std::unique_ptr<LogReader> reader;
  std::unique_ptr<ShardOwner> owner;
};

}  // namespace civicmesh
