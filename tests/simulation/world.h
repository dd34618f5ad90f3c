// One seeded schedule of the real shard code (services/runtime/shard) over the in-memory log and hot state: two shards,
// several owners each, clients, readers and a policy from shard 0 to shard 1, under crashes, zombies, lost and late
// appends, damaged Redis, clock steps, retention, power cuts, reference data that comes late and releases that fold
// otherwise. After the model in the design's protocol folder.
//
//   World world(seed, steps, rules);
//   world.Run();               // world.verdict.violation names the first broken invariant
//
// The same seed, steps and rules give the same schedule.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "services/runtime/hotstate/memory_hot_state.h"
#include "services/runtime/journal/group_reader.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/shard/policy_runner.h"
#include "services/runtime/shard/shard_owner.h"
#include "tests/simulation/oracle.h"

namespace civicmesh::simulation {

class World {
 public:
  // What goes wrong most; a rule that few schedules need is shown to be needed in its own weather.
  enum class Weather {
    kMixed,
    kLateCalls,  // calls of hot state that run long after nobody waits for them; nothing else is damaged
    kCuts,       // a power cut in every schedule
  };
  World(uint64_t seed, int steps, Rules rules, Weather weather = Weather::kMixed);
  ~World();
  void Run();

  Verdict verdict;
  int64_t answers = 0, records = 0, epochs = 0, losses = 0;

 private:
  struct Actor;      // an owner with its ports
  struct ShardSide;  // a shard: its actors, oracle, what was promised to whom
  class Group;       // the policy's consumer group
  struct Request {
    std::string payload;  // of an activation the version, which is what its content says
    int64_t issued_ms;
    int64_t valid_from_ms = 0;  // not 0: an activation
    bool done = false;
  };

  void Step();
  void OwnerStep(Actor& actor);
  Actor& NextToMove(ShardSide& side);
  void Assign(ShardSide& side, size_t actor);
  void Client();
  std::string NewPayload();
  Request NewActivation();
  void PublishTariff();
  void Load(Actor& actor, size_t contents);
  void Send(const std::string& id, const Request& request);
  void AppendInbox(int shard, std::string bytes);
  void AdvanceTime();
  void Retain();
  void LandSome();
  void Answer(int shard, const log::v1::Reply& reply, bool may_be_lost);
  void Reader(int shard);
  void ReadAs(int fold_version, int shard);
  void DamageHot();
  void DamageLog(ShardSide& side);
  void PowerCut(ShardSide& side);
  void MoveClock();
  void Settle();
  void IdleThenTakeOver();
  bool Pump(ShardSide& side);
  void Final(ShardSide& side);
  void CheckHot(ShardSide& side);
  std::unique_ptr<Actor> NewActor(int shard, bool calm);

  int Pick(int below) { return static_cast<int>(random_() % static_cast<uint64_t>(below)); }
  bool Chance(double p) { return static_cast<double>(random_() % 1000000) < p * 1000000; }

  std::mt19937_64 random_;
  const int steps_;
  const Rules rules_;
  const Weather weather_;
  int64_t clock_ms_ = 1'000'000'000;
  int64_t backed_ms_ = 0;
  bool lossy_ = true;
  bool storm_ = false;
  double fault_ = 0.25;
  bool cut_ = false;
  bool torn_ = false;  // the log is damaged while a call of hot state stands half done
  bool cuts_now_ = false;
  bool steady_ = false;           // one owner is in charge at a time and mostly the one to move, so that epochs last
  bool driven_ = false;           // the clock is driven by the commands
  bool retains_ = false;          // the inbox is deleted from its start
  std::vector<int> releases_{1};  // the fold versions that hand the shards to and fro
  bool activates_ = false;        // tariffs are published and activated
  std::vector<std::string> tariffs_;       // as published
  std::set<std::string> tariffs_to_come_;  // activated, and not published yet
  uint64_t next_id_ = 0;
  std::vector<std::pair<std::string, uint64_t>> holds_;  // (stream, number) of those asked for

  MemoryLog log_;
  MemoryJournal journal_;
  MemoryRedis redis_;
  std::vector<std::map<MemoryRedis::Key, MemoryRedis::Shard>> snapshots_;
  std::vector<std::unique_ptr<ShardSide>> sides_;
  std::map<std::string, Request> requests_;
  std::unique_ptr<LogAppender> door_;
  std::unique_ptr<Group> group_;
  std::unique_ptr<PolicyRunner> policy_;
};

}  // namespace civicmesh::simulation
