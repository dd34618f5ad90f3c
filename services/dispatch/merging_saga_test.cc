// Merging across shards: every shard's machine, the real policy, real places around a corner where cells meet, and a
// schedule that delays, repeats and interleaves whatever the runtime may delay, repeat and interleave (R8): a policy
// keeps the order of each source shard, may fall back and repeat, and a target takes each of its commands once.
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"  // after gtest.h, which it needs and does not include

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/text_format.h"
#include "services/dispatch/dispatch_geometry.h"
#include "services/dispatch/dispatch_policies.h"
#include "services/dispatch/domain/cases_for_tests.h"
#include "services/dispatch/domain/common.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"

namespace civicmesh::dispatch {
namespace {

using gwt::Step;

constexpr int kShards = 8;  // as in the harness

struct Place {
  double latitude = 0, longitude = 0;
  int shard() const { return ShardOf(HomeCell(latitude, longitude), kShards); }
};
Place Moved(const Place& place, double metres_north, double metres_east) {
  return {place.latitude + metres_north / 111195, place.longitude + metres_east / 96000};
}

// Where cells of three shards meet, within the sample's district.
Place Corner() {
  for (double latitude = 30.29; latitude < 30.30; latitude += 0.00005) {
    for (double longitude = 119.97; longitude < 119.98; longitude += 0.00005) {
      const Place place{latitude, longitude};
      std::set<int> shards;
      for (double north : {-5, 5})
        for (double east : {-5, 5}) shards.insert(Moved(place, north, east).shard());
      if (shards.size() >= 3) return place;
    }
  }
  ADD_FAILURE() << "no corner in the district";
  return {};
}
const Place& TheCorner() {
  static const Place corner = Corner();
  return corner;
}

// Places within `metres` of the corner, one in each of three shards.
std::vector<Place> AroundTheCorner(double metres) {
  std::map<int, Place> by_shard;
  for (double north = -metres; north <= metres; north += 2) {
    for (double east = -metres; east <= metres; east += 2) {
      const Place place = Moved(TheCorner(), north, east);
      by_shard.emplace(place.shard(), place);
    }
  }
  std::vector<Place> places;
  for (const auto& [shard, place] : by_shard) places.push_back(place);
  return places;
}

class Mesh {
 public:
  Mesh() : policies_(Policies(kShards)) {
    for (int shard = 0; shard < kShards; ++shard)
      shards_.emplace_back(std::make_unique<DispatchShard>(), v1::JournalEvent::default_instance(),
                           v1::Command::default_instance(), &references_, shard);
    policies_.erase(policies_.begin());  // only dispatch's own: merge_across
  }

  // What is asked for; it is decided when its turn comes.
  void Report(const std::string& report, const Place& place) {
    std::string near;
    for (int shard : NearShards(place.latitude, place.longitude, kShards))
      absl::StrAppend(&near, " near_shards: ", shard);
    inboxes_[place.shard()].push_back(
        {absl::StrCat("open_case_from_report {report: '", report,
                      "' source: REPORT_SOURCE_CITIZEN_APP class_code: "
                      "'E0110' reporter_token: 'p-",
                      report, "' location {latitude: ", Exact(place.latitude), " longitude: ", Exact(place.longitude),
                      "}} home_cell: '", HomeCell(place.latitude, place.longitude), "'", near),
         kPolicy, -1, 0});
    reports.insert(report);
  }
  void Staff(const std::string& name, const std::string& command, const std::string& fields = "") {
    inboxes_[*ShardOfId("c", name.substr(6))].push_back(
        {absl::StrCat(command, " {name: '", name, "' ", fields, "}"), kRegistrar, -1, 0});
  }

  // One thing that may happen next; false where it has nothing to do.
  bool Decide(int shard) {
    Pass(shard);
    if (inboxes_[shard].empty()) return false;
    const Waiting next = inboxes_[shard].front();
    inboxes_[shard].pop_front();
    if (next.position > 0) {
      auto& highest = taken_[{shard, next.from}];
      if (next.position <= highest) return true;
      highest = next.position;
    }
    Take(shard,
         Step{.kind = Step::Kind::kCommand, .text = next.command, .at = now_, .actor = next.actor, .stream = ""});
    return true;
  }
  bool React(int source) {
    int64_t& read = read_[source];
    if (read == static_cast<int64_t>(facts_[source].size())) return false;
    const auto commands = policies_[0].react(facts_[source][read]);
    EXPECT_TRUE(commands.ok()) << commands.status();
    ++read;
    int ordinal = 0;
    for (const auto& command : *commands) {
      v1::Command parsed;
      EXPECT_TRUE(parsed.ParseFromString(command.payload));
      std::string text;
      google::protobuf::TextFormat::PrintToString(parsed, &text);
      inboxes_[command.shard].push_back({text,
                                         {.subject = "policy:merge_across", .posts = {}},
                                         source,
                                         read * PolicySpec::kCommandsPerEvent + ordinal++});
    }
    return true;
  }
  // A crash between append and commit.
  void FallBack(int source, int by) {
    int64_t& read = read_[source];
    read = std::max<int64_t>(0, read - by);
  }
  void Pass(absl::Duration time) { now_ += time; }
  void Pass(int shard) {
    Take(shard, Step{.kind = Step::Kind::kTime, .text = "", .at = now_, .actor = {}, .stream = ""});
  }
  // Until nothing is left to do; no time passes.
  void Rest() {
    for (bool any = true; any;) {
      any = false;
      for (int shard = 0; shard < kShards; ++shard) {
        while (Decide(shard)) any = true;
        while (React(shard)) any = true;
      }
    }
  }

  v1::Case Case(const std::string& name) const {
    v1::DispatchStream stream;
    EXPECT_TRUE(stream.ParseFromString(shards_[*ShardOfId("c", name.substr(6))].machine().Save(name.substr(6))));
    return stream.case_().case_();
  }
  absl::Time Waits(const std::string& name) const {
    return shards_[*ShardOfId("c", name.substr(6))].Armed(name.substr(6), kMergingTimer);
  }
  std::vector<std::string> Open() const {
    std::vector<std::string> open;
    for (const auto& name : cases)
      if (IsOpen(Case(name))) open.push_back(name);
    return open;
  }

  std::string wrong;  // "" while nothing was
  std::set<std::string> reports;
  std::vector<std::string> cases;  // in the order in which they were opened
  // What intake makes of the facts, in whatever order it hears the shards: the case of each report.
  std::map<std::string, std::pair<int64_t, std::string>> told;
  int timed_out = 0, handed_on = 0, refused = 0, merged = 0;

 private:
  struct Waiting {
    std::string command;
    ActorView actor;
    int from;
    int64_t position;  // of the policy's: the place of its fact, from 1; a caller's: 0
  };

  static std::string Exact(double degrees) { return absl::StrFormat("%.8f", degrees); }

  void Take(int shard, const Step& step) {
    const auto came = shards_[shard].Run(step);
    if (!came.broken.empty()) wrong = came.broken;
    for (const auto& text : came.events) {
      v1::JournalEvent event;
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event));
      Watch(event);
      const auto published = shards_[shard].machine().Publish({.stream = "c-x"}, event.SerializeAsString());
      ASSERT_TRUE(published.ok());
      for (const auto& fact : *published)
        facts_[shard].push_back(
            {.type = fact.type, .subject = fact.subject, .bytes = fact.bytes, .time_ms = 0, .source_shard = shard});
    }
  }

  void Tell(const v1::EventContext& context, const std::string& report) {
    const std::pair by(ToMs(context.opened_at()), context.case_());
    auto [it, fresh] = told.try_emplace(report, by);
    if (!fresh) it->second = std::min(it->second, by);
  }
  void Watch(const v1::JournalEvent& event) {
    if (event.has_case_opened()) {
      cases.push_back(event.case_opened().context().case_());
      Tell(event.case_opened().context(), event.case_opened().context().lead_report());
    }
    if (event.has_case_report_merged())
      Tell(event.case_report_merged().context(), event.case_report_merged().report().report());
    timed_out += event.has_case_merge_given_up() && !event.case_merge_given_up().refusal();
    refused += event.has_case_merge_answered() && event.case_merge_answered().refusal();
    handed_on += event.has_case_reports_handed_on();
    merged += event.has_case_merged();
  }

  const gwt::References references_ = SampleReferences();
  std::vector<PolicySpec> policies_;
  std::vector<gwt::Shard> shards_;
  std::map<int, std::deque<Waiting>> inboxes_;
  std::map<int, std::vector<PublicFact>> facts_;
  std::map<int, int64_t> read_;
  std::map<std::pair<int, int>, int64_t> taken_;
  absl::Time now_ = gwt::At("10:00");
};

int Any(int from, int to) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to)); }

// All is at rest: every report is answered by one case, which is the one that its reporter was told of; and whoever was
// merged leads to a case that was not, each step to one opened earlier.
void CheckTheEnd(const Mesh& mesh) {
  RC_ASSERT(mesh.wrong == "");
  std::map<std::string, std::string> answered;
  for (const auto& name : mesh.cases) {
    const v1::Case c = mesh.Case(name);
    RC_ASSERT(!c.duplicates_pending());
    RC_ASSERT(mesh.Waits(name) == absl::InfiniteFuture());
    if (c.status() == v1::CASE_STATUS_MERGED) {
      const v1::Case into = mesh.Case(c.merged_into());
      RC_ASSERT(std::pair(ToMs(into.opened_at()), into.name()) < std::pair(ToMs(c.opened_at()), c.name()));
      continue;
    }
    for (const auto& report : c.reports()) RC_ASSERT(answered.emplace(report.report(), name).second);
    RC_ASSERT(c.report_count() == c.reports_size());
  }
  RC_ASSERT(answered.size() == mesh.reports.size());
  for (const auto& [report, name] : answered) RC_ASSERT(mesh.told.at(report).second == name);
}

// One schedule of whatever may happen next, without any time passing.
void Interleave(Mesh& mesh, int steps) {
  for (int i = 0; i < steps; ++i) {
    const int what = Any(0, 10), shard = Any(0, kShards);
    if (what < 5) mesh.Decide(shard);
    if (what >= 5 && what < 9) mesh.React(shard);
    if (what == 9) mesh.FallBack(shard, Any(1, 4));
  }
}

TEST(MergingSaga, TheLaterOneIsMergedIntoTheEarlier) {
  const auto places = AroundTheCorner(20);
  Mesh mesh;
  mesh.Report("reports/r1", places[1]);
  mesh.Rest();
  mesh.Pass(absl::Minutes(30));
  mesh.Staff(mesh.cases[0], "accept_case");
  mesh.Staff(mesh.cases[0], "register_case", "condition_id: '1'");
  mesh.Report("reports/r2", places[0]);
  mesh.Rest();
  ASSERT_EQ(mesh.cases.size(), 2u);
  const v1::Case first = mesh.Case(mesh.cases[0]), second = mesh.Case(mesh.cases[1]);
  EXPECT_EQ(first.status(), v1::CASE_STATUS_REGISTERED);
  EXPECT_EQ(second.status(), v1::CASE_STATUS_MERGED);
  EXPECT_EQ(second.merged_into(), first.name());
  ASSERT_EQ(first.reports_size(), 2);
  EXPECT_EQ(first.reports(1).reporter_token(), "p-reports/r2");
}

// Opened at the same moment on all sides of a corner, so that each is told of each, and reported once more on each
// side: whatever comes first, one is left.
RC_GTEST_PROP(MergingSaga, OfThoseThatOpenAtOnceOneIsLeft, ()) {
  Mesh mesh;
  int n = 0;
  const auto places = AroundTheCorner(12);
  RC_ASSERT(places.size() >= 3u);
  for (const Place& place : places) mesh.Report(absl::StrCat("reports/r", ++n), place);
  Interleave(mesh, Any(0, 150));
  for (const Place& place : places) mesh.Report(absl::StrCat("reports/r", ++n), place);
  Interleave(mesh, 150);
  mesh.Rest();
  CheckTheEnd(mesh);
  RC_ASSERT(mesh.timed_out == 0);
  RC_ASSERT(mesh.Open().size() == 1u);
}

// Further apart, so that not each is the same as each; time passes beyond the wait; staff register and decline what
// they can; commands are delayed and repeated.
RC_GTEST_PROP(MergingSaga, AnyScheduleEndsInOneState, ()) {
  Mesh mesh;
  int n = 0;
  const int steps = Any(40, 240);
  for (int i = 0; i < steps; ++i) {
    const int what = Any(0, 20), shard = Any(0, kShards);
    if (what < 7) mesh.Decide(shard);
    if (what >= 7 && what < 13) mesh.React(shard);
    if (what == 13) mesh.FallBack(shard, Any(1, 4));
    if (what == 14) mesh.Pass(absl::Seconds(Any(1, 90)));
    if (what >= 15 && what < 18 && n < 12)
      mesh.Report(absl::StrCat("reports/r", ++n), Moved(TheCorner(), Any(-45, 46), Any(-45, 46)));
    if (what >= 18 && !mesh.cases.empty()) {
      const std::string& name = mesh.cases[Any(0, static_cast<int>(mesh.cases.size()))];
      const int deed = Any(0, 4);
      if (deed < 2) mesh.Staff(name, "accept_case");
      if (deed == 2) mesh.Staff(name, "register_case", "condition_id: '1'");
      if (deed == 3) mesh.Staff(name, "decline_case", "ground: DECLINE_GROUND_BELOW_CONDITION note: '未达标准'");
    }
  }
  mesh.Rest();
  mesh.Pass(absl::Minutes(3));
  mesh.Rest();
  CheckTheEnd(mesh);
  RC_CLASSIFY(mesh.merged > 0, "some merged");
  RC_CLASSIFY(mesh.refused > 0, "some refused");
  RC_CLASSIFY(mesh.timed_out > 0, "some timed out");
  RC_CLASSIFY(mesh.handed_on > 0, "some went on without their reports");
}

}  // namespace
}  // namespace civicmesh::dispatch
