// What the stories of a replay share: the district, the staff, the way to the mesh, and what has happened so far.
//
// One thread, the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/civicctl/replay/diary.h"
#include "services/civicctl/replay/input.h"
#include "services/civicctl/replay/mesh.h"
#include "services/civicctl/replay/rules.h"
#include "services/civicctl/replay/schedule.h"
#include "services/civicctl/replay/staff.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/workcalendar/work_calendar.h"

namespace civicmesh::civicctl {

class CaseStory;
class ReportStory;

// The schedule's numbers of the domains.
enum DomainNumber { kIntakeShards, kDispatchShards, kPointsShards, kVolunteeringShards, kDomains };

struct World {
  World(const reference::v1::District& district, const reference::v1::Roster& roster, WorkCalendar work_calendar,
        Dice throws, Mesh* way, Diary* diary_of_it, PersonTokens person_tokens, int shard_count);
  ~World();

  // Of the standard that the city has loaded.
  const reference::v1::MinorClass* FindClass(const std::string& code) const;
  // What the sample calls `code`, in the standard that is loaded.
  std::string CodeOf(const std::string& code) const;

  // The shard of a key, as the services choose it.
  Shard ShardBy(DomainNumber domain, std::string_view key) const;
  Shard AccountShard(const std::string& citizen) const;
  Shard HomeShard(const type::v1::GeoPoint& location) const;
  // Whom a case there asks for what may be the same.
  Shards NearShards(const type::v1::GeoPoint& location) const;

  // The id under which the action of that name calls.
  std::string RequestId(const std::string& action) const { return diary.RequestId(dice, action, shards); }
  // The action is over: all that follows from it has been seen.
  void Finish(const Schedule::Id& action);
  // It was over before this run began.
  bool WasFinished(const Schedule::Id& action) const { return diary.finished(action.second); }
  // A call was refused that should not have been: its story ends there.
  void Refused(const std::string& what, const grpc::Status& status);
  // The replay cannot go on.
  void Fail(absl::Status status);
  // A citizen earned, or is to be asked at the end.
  void Remember(const std::string& citizen) { citizens[citizen] = true; }

  const WorkCalendar calendar;
  const Dice dice;
  const Staff staff;
  const Rules rules;
  Mesh& mesh;
  Diary& diary;
  const PersonTokens persons;  // of the city's key
  const int shards;
  Schedule schedule;

  std::map<std::string, reference::v1::MinorClass> classes;
  // Codes of the sample's standard that are others in the one that is loaded.
  std::map<std::string, std::string> codes;

  std::vector<std::unique_ptr<ReportStory>> reports;
  std::vector<std::unique_ptr<CaseStory>> cases;
  std::map<std::string, ReportStory*> report_by_name;
  std::map<std::string, CaseStory*> case_by_name;
  std::map<std::string, bool> citizens;
  Tally happened, refused;
  absl::Status failure;
};

// Puts an action into the world's queue. `start` ends it by Finish of the world.
void Act(World& world, absl::Time at, std::string name, std::function<Shards()> touches, std::function<Shards()> holds,
         std::function<void(const Schedule::Id&)> start);

// What is to be called `count` times; then `done` is called, at once where `count` is 0.
std::function<void()> AfterAll(size_t count, std::function<void()> done);

// Waits until the citizen's account has heard what `source` earned by a rule whose name begins with `rule`: granted, or
// denied by a limit. At once, as not granted, where `action` was finished before.
void AwaitEarning(World& world, const Schedule::Id& action, const std::string& citizen, const std::string& source,
                  const std::string& rule, std::function<void(bool granted)> done);

// The stories: each puts its first actions into the queue.
void BeginActivities(World& world, const std::vector<InputActivity>& activities);
// 上架: what of the catalogue is not on sale yet, at `at`.
void BeginStocking(World& world, const reference::v1::Catalogue& catalogue, absl::Time at);
// 兑换: from `at` on, citizens buy with what they have.
void BeginMarket(World& world, absl::Time at);

}  // namespace civicmesh::civicctl
