#include "services/civicctl/replay/project.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "civicmesh/dispatch/v1/dispatch_service.pb.h"
#include "civicmesh/intake/v1/intake_service.pb.h"
#include "civicmesh/points/v1/points_service.pb.h"
#include "civicmesh/volunteering/v1/volunteering_service.pb.h"
#include "services/civicctl/files.h"
#include "services/civicctl/replay/asking.h"
#include "services/civicctl/replay/city_files.h"
#include "services/civicctl/replay/door_options.h"
#include "services/civicctl/replay/staff.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

using nlohmann::json;
namespace dv1 = dispatch::v1;
namespace iv1 = intake::v1;
namespace pv1 = points::v1;
namespace vv1 = volunteering::v1;

constexpr absl::Duration kRestPatience = absl::Minutes(5);
constexpr int kPage = 200;

struct Options {
  MeshOptions mesh;
  std::string sample = "deploy/sample", out;
};

// "2026-09-14T08:34:16+08:00"; null where it is not set.
json Time(bool set, const google::protobuf::Timestamp& time) {
  if (!set) return nullptr;
  const absl::Time at = absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
  return absl::FormatTime(absl::RFC3339_full, at, absl::FixedTimeZone(8 * 3600));
}

json ReportJson(const iv1::Report& report) {
  json notices = json::array();
  for (const auto& notice : report.notices())
    notices.push_back({{"kind", iv1::NoticeKind_Name(notice.kind())},
                       {"told_at", Time(notice.has_told_at(), notice.told_at())},
                       {"disposal_due_at", Time(notice.has_disposal_due_at(), notice.disposal_due_at())}});
  // Dispatch and points tell of the same moment in any order.
  std::sort(notices.begin(), notices.end(), [](const json& a, const json& b) {
    return std::pair(a["told_at"].dump(), a["kind"].dump()) < std::pair(b["told_at"].dump(), b["kind"].dump());
  });
  return {{"status", iv1::ReportStatus_Name(report.status())},
          {"source", type::v1::ReportSource_Name(report.source())},
          {"proposed_class", report.category().class_code()},
          {"reported_at", Time(report.has_reported_at(), report.reported_at())},
          {"notices", notices}};
}

json ClockJson(const dv1::Clock& clock) {
  return {{"kind", dv1::ClockKind_Name(clock.kind())},
          {"phase", dv1::Clock::Phase_Name(clock.phase())},
          {"started_at", Time(clock.has_started_at(), clock.started_at())},
          {"due_at", Time(clock.has_due_at(), clock.due_at())},
          {"stopped_at", Time(clock.has_stopped_at(), clock.stopped_at())},
          {"overdue", clock.overdue()}};
}

json CaseJson(const dv1::Case& c, const std::map<std::string, std::string>& source_ids) {
  json clocks = json::array(), reports = json::array(), units = json::array();
  for (const auto& clock : c.clocks()) clocks.push_back(ClockJson(clock));
  for (const auto& report : c.reports()) {
    const auto id = source_ids.find(report.report());
    reports.push_back(id == source_ids.end() ? "another" : id->second);
  }
  for (const auto& unit : c.units()) units.push_back(unit);
  return {{"number", c.case_number()},
          {"status", dv1::CaseStatus_Name(c.status())},
          {"reports", reports},
          {"grid", c.grid()},
          {"class", c.class_code()},
          {"condition", c.condition_id()},
          {"unit", c.unit()},
          {"units", units},
          {"clocks", clocks},
          {"opened_at", Time(c.has_opened_at(), c.opened_at())},
          {"registered_at", Time(c.has_registered_at(), c.registered_at())},
          {"closed_at", Time(c.has_closed_at(), c.closed_at())},
          {"revisited_at", Time(c.has_revisited_at(), c.revisited_at())},
          {"verification", dv1::VerificationResult_Name(c.verification())},
          {"decline_ground", dv1::DeclineGround_Name(c.decline_ground())},
          {"rating", dv1::Rating_Name(c.rating())},
          {"returns", c.return_count()},
          {"transfers", c.transfer_count()},
          {"reworks", c.rework_count()},
          {"disposal_overdue", c.disposal_overdue()},
          {"buck_passed", c.buck_passed()}};
}

class Projection {
 public:
  Projection(const Options& options, const CityFiles& files, Mesh& mesh, Loop& loop)
      : options_(options), mesh_(mesh), loop_(loop), staff_(files.roster, files.district, Dice("project")) {}

  absl::Status Run() {
    auto rest = AwaitRest(mesh_, loop_, staff_.One("OPERATOR", ""), kRestPatience);
    if (!rest.ok()) return rest.status();
    shards_ = rest->front().shards_size();
    for (auto part : {&Projection::Reports, &Projection::Activities, &Projection::Items})
      if (auto status = (this->*part)(); !status.ok()) return status;
    std::sort(lines_.begin(), lines_.end());
    std::string text;
    for (const auto& line : lines_) absl::StrAppend(&text, line, "\n");
    return WriteFile(options_.out, text);
  }

  size_t lines() const { return lines_.size(); }

 private:
  // Every page of a list.
  template <typename Response, typename Request>
  absl::Status Pages(const Caller& caller, Request request, const std::function<void(const Response&)>& take) {
    request.set_page_size(kPage);
    while (true) {
      auto page = Ask<Response>(mesh_, loop_, caller, request);
      if (!page.ok()) return page.status();
      take(*page);
      if (page->next_page_token().empty()) return absl::OkStatus();
      request.set_page_token(page->next_page_token());
    }
  }

  // Asks for all of `names` at once.
  template <typename Request, typename Response>
  absl::Status GetAll(const Caller& caller, const std::set<std::string>& names, std::map<std::string, Response>& to) {
    size_t left = names.size();
    absl::Status failed;
    for (const std::string& name : names) {
      Request request;
      request.set_name(name);
      mesh_.Call<Response>(caller, absl::InfinitePast(), request, [&, name](const grpc::Status& status, Response got) {
        --left;
        if (!status.ok()) failed = absl::UnknownError(absl::StrCat(name, ": ", NameOfRefusal(status)));
        to[name] = std::move(got);
      });
    }
    loop_.RunUntil([&] { return left == 0; });
    return failed;
  }

  absl::Status Reports() {
    const Caller registrar = staff_.One("REGISTRAR", "");
    std::vector<iv1::Report> reports;
    auto listed = Pages<iv1::ListReportsResponse>(registrar, iv1::ListReportsRequest(), [&](const auto& page) {
      reports.insert(reports.end(), page.reports().begin(), page.reports().end());
    });
    if (!listed.ok()) return listed;
    std::map<std::string, std::string> source_ids;
    std::set<std::string> case_names, accounts;
    for (const auto& report : reports) {
      source_ids[report.name()] = report.source_id();
      if (!report.case_().empty()) case_names.insert(report.case_());
    }
    std::map<std::string, dv1::Case> cases;
    if (auto got = GetAll<dv1::GetCaseRequest>(registrar, case_names, cases); !got.ok()) return got;
    std::map<std::string, std::string> account_of;  // by report
    for (const auto& [name, c] : cases)
      for (const auto& report : c.reports())
        if (const std::string& token = report.reporter_token(); !token.empty())
          accounts.insert(account_of[report.report()] =
                              absl::StrCat("accounts/", MakeId("a", ShardOf(token, shards_), token)));
    std::map<std::string, pv1::Account> found;
    if (auto got = GetAll<pv1::GetAccountRequest>(registrar, accounts, found); !got.ok()) return got;

    for (const auto& report : reports) {
      json line = {{"report", report.source_id()}, {"as_reported", ReportJson(report)}};
      if (const auto c = cases.find(report.case_()); c != cases.end()) line["case"] = CaseJson(c->second, source_ids);
      if (const auto account = account_of.find(report.name()); account != account_of.end())
        line["reporter_was_granted"] = found[account->second].issued();
      lines_.push_back(line.dump());
    }
    return absl::OkStatus();
  }

  absl::Status Activities() {
    for (const Caller& organiser : staff_.All("ORGANISER")) {
      vv1::ListActivitiesRequest request;
      request.set_organiser(organiser.subject);
      std::vector<vv1::Activity> activities;
      auto listed = Pages<vv1::ListActivitiesResponse>(organiser, request, [&](const auto& page) {
        activities.insert(activities.end(), page.activities().begin(), page.activities().end());
      });
      if (!listed.ok()) return listed;
      for (const auto& activity : activities)
        if (auto status = Records(organiser, activity); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Records(const Caller& organiser, const vv1::Activity& activity) {
    json records = json::array();
    vv1::ListServiceRecordsRequest request;
    request.set_parent(activity.name());
    auto listed = Pages<vv1::ListServiceRecordsResponse>(organiser, request, [&](const auto& page) {
      for (const auto& record : page.service_records())
        records.push_back({{"volunteer", record.volunteer_token()},
                           {"status", vv1::ServiceStatus_Name(record.status())},
                           {"minutes", record.confirmed_minutes()}});
    });
    if (!listed.ok()) return listed;
    lines_.push_back(json{
        {"activity", activity.title_zh()},
        {"status", vv1::ActivityStatus_Name(activity.status())},
        {"signed_up", activity.signed_up()},
        {"records",
         records}}.dump());
    return absl::OkStatus();
  }

  absl::Status Items() {
    return Pages<pv1::ListItemsResponse>(staff_.One("CATALOGUE_MANAGER", ""), pv1::ListItemsRequest(),
                                         [&](const auto& page) {
                                           for (const auto& item : page.items())
                                             lines_.push_back(json{
                                                 {"item", item.catalogue_id()},
                                                 {"free", item.free()},
                                                 {"reserved", item.reserved()},
                                                 {"taken",
                                                  item.taken()}}.dump());
                                         });
  }

  const Options& options_;
  Mesh& mesh_;
  Loop& loop_;
  const Staff staff_;
  int shards_ = 0;
  std::vector<std::string> lines_;
};

absl::Status Project(const Options& options, std::ostream& out) {
  auto files = ReadCityFiles(options.sample, "");
  if (!files.ok()) return files.status();
  Loop loop;
  auto mesh = Mesh::Make(options.mesh, &loop);
  if (!mesh.ok()) return mesh.status();
  Projection projection(options, *files, **mesh, loop);
  if (auto status = projection.Run(); !status.ok()) return status;
  out << options.out << ": " << projection.lines() << " lines\n";
  return absl::OkStatus();
}

}  // namespace

Command ProjectCommand() {
  return {"project", "write the canonical projection of a city, by which two runs are compared", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddDoor(app, options->mesh);
            app.add_option("--sample", options->sample, "the folder of the district's files")->capture_default_str();
            app.add_option("--out", options->out, "the file to write")->required();
            return [options](std::ostream& out) { return Project(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
