#include "services/civicctl/replay/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/points/v1/points_service.pb.h"
#include "services/civicctl/replay/case_story.h"
#include "services/civicctl/replay/report_story.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

constexpr int kMostUnderWay = 400;

// In the order in which they are printed, whichever comes first.
constexpr const char* kHappenings[] = {
    "reports submitted 上报",
    "further parts of long texts added 补充",
    "alerts raised 告警",
    "alerts confirmed 属实",
    "alerts found false 误报",
    "classifier right",
    "classifier wrong: a person corrected it",
    "classifier unsure: a person chose",
    "reports located by staff 定位",
    "cases opened 案件产生",
    "reports merged 并案",
    "of those that the input calls repeats, merged",
    "verified 核实",
    "declined: not there 不属实",
    "declined: outside the district 不在辖区",
    "declined: no matter for the city 不属管理范围",
    "registered 立案",
    "returned 退单",
    "returns judged wrongful 推诿",
    "returns judged justified 误派",
    "inspections failed 返工",
    "closed 结案",
    "revisited 回访",
    "activities published 活动发布",
    "sign-ups 报名",
    "services confirmed 服务时长确认",
    "items put on sale 上架",
    "redemptions completed 兑换完成",
};

}  // namespace

World::World(const reference::v1::District& district, const reference::v1::Roster& roster, WorkCalendar work_calendar,
             Dice throws, Mesh* way, Diary* diary_of_it, PersonTokens person_tokens, int shard_count)
    : calendar(std::move(work_calendar)),
      dice(throws),
      staff(roster, district, throws),
      rules(throws),
      mesh(*way),
      diary(*diary_of_it),
      persons(std::move(person_tokens)),
      shards(shard_count),
      schedule(kDomains, shard_count, kMostUnderWay) {
  for (const char* what : kHappenings) happened.Add(what, 0);
  mesh.on_failure = [this](absl::Status status) { Fail(std::move(status)); };
}

World::~World() = default;

const reference::v1::MinorClass* World::FindClass(const std::string& code) const {
  const auto found = classes.find(code);
  return found == classes.end() ? nullptr : &found->second;
}

std::string World::CodeOf(const std::string& code) const {
  const auto other = codes.find(code);
  return other == codes.end() ? code : other->second;
}

Shard World::ShardBy(DomainNumber domain, std::string_view key) const { return {domain, ShardOf(key, shards)}; }

Shard World::AccountShard(const std::string& citizen) const { return ShardBy(kPointsShards, persons.Of(citizen)); }

Shard World::HomeShard(const type::v1::GeoPoint& location) const {
  return ShardBy(kDispatchShards, dispatch::HomeCell(location.latitude(), location.longitude()));
}

void World::Finish(const Schedule::Id& action) {
  diary.Finished(action.second);
  schedule.Finish(action);
}

Shards World::NearShards(const type::v1::GeoPoint& location) const {
  Shards near;
  for (int shard : dispatch::NearShards(location.latitude(), location.longitude(), shards))
    near.push_back({kDispatchShards, shard});
  return near;
}

void World::Refused(const std::string& what, const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE)
    return Fail(absl::UnavailableError(absl::StrCat(what, " was not answered: ", NameOfRefusal(status))));
  refused.Add(absl::StrCat(what, ": ", NameOfRefusal(status)));
}

void World::Fail(absl::Status status) {
  if (failure.ok()) failure = std::move(status);
}

void Act(World& world, absl::Time at, std::string name, std::function<Shards()> touches, std::function<Shards()> holds,
         std::function<void(const Schedule::Id&)> start) {
  world.schedule.Add({.at = at,
                      .name = std::move(name),
                      .touches = std::move(touches),
                      .holds = std::move(holds),
                      .start = std::move(start)});
}

std::function<void()> AfterAll(size_t count, std::function<void()> done) {
  if (count == 0) {
    done();
    return [] {};
  }
  return [left = std::make_shared<size_t>(count), done = std::move(done)] {
    if (--*left == 0) done();
  };
}

void AwaitEarning(World& world, const Schedule::Id& action, const std::string& citizen, const std::string& source,
                  const std::string& rule, std::function<void(bool granted)> done) {
  world.Remember(citizen);
  if (world.WasFinished(action)) return done(false);
  const auto is_it = [source, rule](const points::v1::Transaction& transaction) {
    return transaction.source() == source && absl::StartsWith(transaction.rule(), rule);
  };
  points::v1::ListTransactionsRequest request;
  request.set_parent("accounts/me");
  request.set_page_size(200);
  world.mesh.Await<points::v1::ListTransactionsResponse>(
      Citizen(citizen), request,
      [is_it](const points::v1::ListTransactionsResponse& page) {
        return std::any_of(page.transactions().begin(), page.transactions().end(), is_it);
      },
      [is_it, done = std::move(done)](const points::v1::ListTransactionsResponse& page) {
        const auto found = std::find_if(page.transactions().begin(), page.transactions().end(), is_it);
        done(found->kind() == points::v1::TRANSACTION_KIND_GRANTED);
      });
}

}  // namespace civicmesh::civicctl
