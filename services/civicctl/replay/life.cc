#include "services/civicctl/replay/life.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/log_reading.h"
#include "services/civicctl/replay/asking.h"
#include "services/civicctl/replay/city_files.h"
#include "services/civicctl/replay/door_options.h"
#include "services/civicctl/replay/life_text.h"
#include "services/civicctl/replay/staff.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/kafka_journal.h"

namespace civicmesh::civicctl {
namespace {

namespace dv1 = dispatch::v1;
namespace iv1 = intake::v1;

struct Options {
  MeshOptions mesh;
  KafkaPlace kafka;
  std::string sample = "deploy/sample", report, language = "zh";
};

class Reading {
 public:
  Reading(const Options& options, Mesh& mesh, Loop& loop, Caller clerk)
      : options_(options), mesh_(mesh), loop_(loop), clerk_(std::move(clerk)) {}

  absl::StatusOr<Life> Read() {
    auto report = Report();
    if (!report.ok()) return report.status();
    life_.report = *std::move(report);
    if (!life_.report.case_().empty()) {
      dv1::GetCaseRequest request;
      request.set_name(life_.report.case_());
      auto answering = Ask<dv1::Case>(mesh_, loop_, clerk_, request);
      if (!answering.ok()) return answering.status();
      life_.answering = *std::move(answering);
    }
    if (auto status = Facts(); !status.ok()) return status;
    return std::move(life_);
  }

 private:
  // By its name, or by what its sender calls it.
  absl::StatusOr<iv1::Report> Report() {
    if (absl::StartsWith(options_.report, "r-") || absl::StartsWith(options_.report, "reports/")) {
      iv1::GetReportRequest request;
      request.set_name(absl::StartsWith(options_.report, "r-") ? "reports/" + options_.report : options_.report);
      return Ask<iv1::Report>(mesh_, loop_, clerk_, request);
    }
    iv1::ListReportsRequest request;
    request.set_page_size(200);
    while (true) {
      auto page = Ask<iv1::ListReportsResponse>(mesh_, loop_, clerk_, request);
      if (!page.ok()) return page.status();
      for (auto& report : *page->mutable_reports())
        if (report.source_id() == options_.report) return std::move(report);
      if (page->next_page_token().empty())
        return absl::NotFoundError(absl::StrCat("there is no report ", options_.report));
      request.set_page_token(page->next_page_token());
    }
  }

  absl::Status Facts() {
    const auto shard = ShardOfId("r", life_.report.name().substr(life_.report.name().find('/') + 1));
    if (!shard) return absl::InvalidArgumentError(absl::StrCat(life_.report.name(), " is no report"));
    if (auto status = FactsOf("intake", *shard, {life_.report.name(), life_.report.alert()}); !status.ok())
      return status;
    const dv1::Case& c = life_.answering;
    if (c.name().empty()) return InOrder();
    const auto home = ShardOfId("c", c.name().substr(c.name().find('/') + 1));
    if (!home) return absl::InvalidArgumentError(absl::StrCat(c.name(), " is no case"));
    if (auto status = FactsOf("dispatch", *home, {c.name()}); !status.ok()) return status;
    for (const auto& report : c.reports())
      if (const std::string& token = report.reporter_token(); report.report() == life_.report.name() && !token.empty())
        if (auto status = Earned(token); !status.ok()) return status;
    return InOrder();
  }

  absl::Status Earned(const std::string& token) {
    const int shard = ShardOf(token, options_.kafka.shards);
    const size_t before = life_.facts.size();
    if (auto status = FactsOf("points", shard, {"accounts/" + MakeId("a", shard, token)}); !status.ok()) return status;
    // Only what this case earned: the source is a field of the grant, and no other field holds a case's name.
    const auto first = life_.facts.begin() + static_cast<long>(before);
    life_.facts.erase(
        std::remove_if(first, life_.facts.end(),
                       [&](const PublicFact& fact) { return !absl::StrContains(fact.bytes, life_.answering.name()); }),
        life_.facts.end());
    return absl::OkStatus();
  }

  absl::Status FactsOf(const char* domain, int shard, const std::set<std::string>& subjects) {
    KafkaJournal journal(options_.kafka.Of(domain));
    absl::Status unreadable;
    auto read = ReadLog(journal, {civicmesh::Topic::kEvents, shard}, {}, [&](const LogRecord& record) {
      auto fact = ParseFact(record);
      if (!fact.ok()) unreadable = fact.status();
      if (fact.ok() && subjects.count(fact->subject)) life_.facts.push_back(*std::move(fact));
      return unreadable.ok();
    });
    return read.ok() ? unreadable : read.status();
  }

  // What follows from another fact carries the same time.
  static int Rank(const PublicFact& fact) {
    if (fact.type == iv1::ReporterNotified::descriptor()->full_name()) return 2;
    if (absl::StartsWith(fact.subject, "accounts/")) return 3;
    return absl::StartsWith(fact.subject, "cases/") ? 1 : 0;
  }

  absl::Status InOrder() {
    std::stable_sort(life_.facts.begin(), life_.facts.end(), [](const PublicFact& a, const PublicFact& b) {
      return std::pair(a.time_ms, Rank(a)) < std::pair(b.time_ms, Rank(b));
    });
    return absl::OkStatus();
  }

  const Options& options_;
  Mesh& mesh_;
  Loop& loop_;
  const Caller clerk_;
  Life life_;
};

absl::Status Show(const Options& options, std::ostream& out) {
  auto files = ReadCityFiles(options.sample, "");
  if (!files.ok()) return files.status();
  auto calendar = WorkCalendar::Make(files->calendar);
  if (!calendar.ok()) return calendar.status();
  Loop loop;
  auto mesh = Mesh::Make(options.mesh, &loop);
  if (!mesh.ok()) return mesh.status();
  const Caller clerk = Staff(files->roster, files->district, Dice("life")).One("REGISTRAR", options.report);
  auto life = Reading(options, **mesh, loop, clerk).Read();
  if (!life.ok()) return life.status();
  const Language language = options.language == "en" ? Language::kEnglish : Language::kChinese;
  for (const std::string& line : TellLife(*life, {files->district, files->roster, *calendar}, language))
    out << line << "\n";
  return absl::OkStatus();
}

}  // namespace

Command LifeCommand() {
  return {
      "life", "show one report's whole life, as a clerk reads it", [](CLI::App& app) {
        auto options = std::make_shared<Options>();
        app.add_option("report", options->report, "its name (r-…), or what its sender calls it (s0001)")->required();
        AddDoor(app, options->mesh);
        AddKafka(app, options->kafka);
        app.add_option("--sample", options->sample, "the folder of the district's files")->capture_default_str();
        app.add_option("--lang", options->language, "zh or en")
            ->check(CLI::IsMember({"zh", "en"}))
            ->capture_default_str();
        return [options](std::ostream& out) { return Show(*options, out); };
      }};
}

}  // namespace civicmesh::civicctl
