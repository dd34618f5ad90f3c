#include "services/civicctl/replay/replay.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/civicctl/files.h"
#include "services/civicctl/replay/asking.h"
#include "services/civicctl/replay/case_story.h"
#include "services/civicctl/replay/city_files.h"
#include "services/civicctl/replay/diary.h"
#include "services/civicctl/replay/door_options.h"
#include "services/civicctl/replay/kpi_table.h"
#include "services/civicctl/replay/report_story.h"
#include "services/civicctl/replay/world.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {
namespace {

constexpr absl::Duration kRestPatience = absl::Minutes(2);
// So many reports are named to be read on.
constexpr size_t kExamples = 2;
// Whoever interrupts a replay waits so long for what is under way, then not.
constexpr absl::Duration kGrace = absl::Seconds(4), kBetweenTicks = absl::Milliseconds(100);
// A command that is not answered is asked for again under its old id, which the city refuses when it is a day old.
constexpr absl::Duration kAskAgain = absl::Hours(23);

struct Options {
  MeshOptions mesh;
  std::string sample = "deploy/sample", input, standard, kafka, diary, seed = "civicmesh";
  int limit = 0;
};

absl::Time TimeOf(const google::protobuf::Timestamp& time) { return absl::FromUnixSeconds(time.seconds()); }
void SetTime(absl::Time at, google::protobuf::Timestamp* to) { to->set_seconds(absl::ToUnixSeconds(at)); }
std::string Local(absl::Time at) { return TimeText(absl::ToUnixMillis(at)); }
std::string Digest(const std::string& text) { return absl::BytesToHexString(Sha256(text)).substr(0, 16); }

// As it is best typed where we are called.
std::string Typed(const std::string& path) {
  const std::string from_here = std::filesystem::proximate(path);
  return absl::StartsWith(from_here, "..") ? path : from_here;
}

// Takes the signals that end a process, as long as it lives.
class Interrupts {
 public:
  Interrupts() {
    for (size_t i = 0; i < std::size(kSignals); ++i) before_[i] = std::signal(kSignals[i], [](int) { came_ = 1; });
  }
  ~Interrupts() {
    for (size_t i = 0; i < std::size(kSignals); ++i) std::signal(kSignals[i], before_[i]);
  }
  static bool came() { return came_ != 0; }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  static inline volatile std::sig_atomic_t came_ = 0;
  void (*before_[std::size(kSignals)])(int);
};

class Replay {
 public:
  Replay(const Options& options, std::ostream& out) : options_(options), out_(out) {}

  absl::Status Run() {
    for (auto stage : {&Replay::Read, &Replay::Connect, &Replay::Play, &Replay::ComeToRest, &Replay::Tell})
      if (auto status = (this->*stage)(); !status.ok()) return status;
    return absl::OkStatus();
  }

 private:
  absl::Status Read() {
    auto files = ReadCityFiles(options_.sample, options_.standard);
    if (!files.ok()) return files.status();
    files_ = *std::move(files);
    made_of_ = {{"standard", Digest(files_.standard.SerializeAsString())},
                {"district", Digest(absl::StrCat(files_.district.SerializeAsString(), files_.roster.SerializeAsString(),
                                                 files_.mapping))},
                {"calendar", Digest(files_.calendar.SerializeAsString())},
                {"catalogue", Digest(files_.catalogue.SerializeAsString())},
                {"rules", Digest(absl::StrJoin(Rules::Describe(), ""))},
                {"seed", Digest(options_.seed)},
                {"limit", absl::StrCat(options_.limit)}};
    auto mapping = Mapping::Make(files_.mapping, files_.district);
    if (!mapping.ok()) return mapping.status();
    const std::string path = options_.input.empty() ? options_.sample + "/reports.jsonl" : options_.input;
    auto text = ReadFile(path);
    if (!text.ok()) return text.status();
    made_of_.emplace_back("input", Digest(*text));
    auto input = ReadInput(path, *text, *mapping);
    if (!input.ok()) return input.status();
    input_ = *std::move(input);
    if (options_.limit > 0 && input_.reports.size() > static_cast<size_t>(options_.limit)) {
      input_.unusable.Add("beyond --limit", static_cast<int64_t>(input_.reports.size()) - options_.limit);
      input_.reports.resize(options_.limit);
    }
    if (input_.reports.empty())
      return absl::InvalidArgumentError(absl::StrCat(path, " holds no report that can be used"));
    if (!options_.input.empty()) return absl::OkStatus();
    auto activities = ReadFile(options_.sample + "/volunteering.jsonl");
    if (!activities.ok()) return activities.status();
    made_of_.emplace_back("activities", Digest(*activities));
    return ReadActivities(*activities, input_);
  }

  absl::Time FirstTime() const {
    absl::Time first = input_.reports.front().at;
    for (const auto& activity : input_.activities) first = std::min(first, activity.published_at);
    return first;
  }
  absl::Time LastTime() const {
    absl::Time last = input_.reports.back().at;
    for (const auto& activity : input_.activities) last = std::max(last, activity.ends_at);
    return last;
  }

  absl::Status OpenDiary() {
    // The keys are a city's own.
    auto keys = ReadFile(options_.mesh.keys + "/jwks.json");
    if (!keys.ok()) return keys.status();
    made_of_.emplace_back("city", Digest(*keys));
    auto diary = Diary::Open(options_.diary, made_of_, Clock::Real()->wall());
    if (!diary.ok()) return diary.status();
    diary_ = *std::move(diary);
    if (Clock::Real()->wall() - diary_->unanswered_since() < kAskAgain) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "the replay was broken off more than a day ago amid calls that were not answered, and whether they "
        "took effect is not kept for so long: begin with a new city (deploy/down --purge)"));
  }

  absl::Status Connect() {
    if (auto status = OpenDiary(); !status.ok()) return status;
    auto mesh = Mesh::Make(options_.mesh, &loop_, diary_.get());
    if (!mesh.ok()) return mesh.status();
    mesh_ = *std::move(mesh);
    auto calendar = WorkCalendar::Make(files_.calendar);
    if (!calendar.ok()) return calendar.status();
    const Dice dice(options_.seed);
    operator_ = Staff(files_.roster, files_.district, dice).One("OPERATOR", "replay");
    if (operator_.subject.empty()) return absl::FailedPreconditionError("roster.json names no OPERATOR");
    if (auto status = LookAtCity(); !status.ok()) return status;
    // Only the schedule depends on it: a citizen's account lies in the shard of the citizen's token.
    auto person_key = ReadFile(options_.mesh.keys + "/person_key");
    PersonTokens persons(person_key.ok() ? *std::move(person_key) : PersonTokens::kDevelopmentKey);
    world_ = std::make_unique<World>(files_.district, files_.roster, *std::move(calendar), dice, mesh_.get(),
                                     diary_.get(), std::move(persons), shards_);
    for (const auto& minor : files_.standard.classes()) world_->classes[minor.code()] = minor;
    world_->codes = files_.codes;
    auto rest = AwaitRest(*mesh_, loop_, operator_, kRestPatience);
    if (!rest.ok()) return rest.status();
    at_start_ = *std::move(rest);
    for (size_t s = 0; s < at_start_.size(); ++s) before_.push_back(AtTheBeginning(kDecidingServices[s], at_start_[s]));
    return absl::OkStatus();
  }

  // The ends of the inboxes when the replay began, which may have been in an earlier run.
  runtime::v1::QuiesceResponse AtTheBeginning(const std::string& service, const runtime::v1::QuiesceResponse& now) {
    const std::string key = "before/" + service;
    runtime::v1::QuiesceResponse then = now;
    if (const auto* known = diary_->Find(key))
      then.ParseFromString(known->bytes);
    else
      diary_->Answered(key, grpc::Status::OK, now.SerializeAsString());
    return then;
  }

  // How many shards there are; and that the city's time still lies before what is to be replayed, where none of it was.
  absl::Status LookAtCity() {
    for (const char* service : kDecidingServices) {
      runtime::v1::GetShardsRequest request;
      request.set_service(service);
      auto shards = Ask<runtime::v1::GetShardsResponse>(*mesh_, loop_, operator_, request);
      if (!shards.ok()) return shards.status();
      shards_ = shards->shards_size();
      for (const auto& shard : shards->shards())
        if (TimeOf(shard.now()) > FirstTime() && !diary_->goes_on())
          return absl::FailedPreconditionError(absl::StrCat(
              "the city's business time is ", Local(TimeOf(shard.now())), " in ", service, "; the replay begins at ",
              Local(FirstTime()), ", and time never goes back: begin with a new city (deploy/down --purge)"));
    }
    return absl::OkStatus();
  }

  absl::Status Play() {
    PrintPlan();
    const int64_t began_ms = Clock::Real()->steady_ms();
    const absl::Time first = FirstTime() - absl::Hours(1);
    BeginStocking(*world_, files_.catalogue, first);
    for (const InputReport& report : input_.reports) {
      world_->reports.push_back(std::make_unique<ReportStory>(*world_, report));
      world_->reports.back()->Begin();
    }
    BeginActivities(*world_, input_.activities);
    BeginMarket(*world_, LastTime() + absl::Hours(24));
    RunStories(first);
    took_ms_ = Clock::Real()->steady_ms() - began_ms;
    if (auto status = diary_->Sound(); !status.ok()) return status;
    if (absl::IsCancelled(world_->failure)) return world_->failure;
    if (!world_->failure.ok()) return Explained(world_->failure);
    if (world_->schedule.disorder() > 0)
      return absl::InternalError(
          absl::StrCat(world_->schedule.disorder(), " actions came out of order: a fault of the replay"));
    return absl::OkStatus();
  }

  // Lets the loop look up where nothing happens in it.
  void Tick() {
    if (playing_) loop_.After(kBetweenTicks, [this] { Tick(); });
  }

  // Interrupted, it begins nothing more, and ends when what is under way is through.
  bool BrokenOff() {
    if (!Interrupts::came()) return false;
    const absl::Time now = absl::FromUnixMillis(Clock::Real()->steady_ms());
    interrupted_ = std::min(interrupted_, now);
    if (world_->schedule.under_way() > 0 && now - interrupted_ < kGrace) return false;
    world_->Fail(absl::CancelledError(absl::StrCat(
        "broken off at ", Local(world_->schedule.reached()), " (business time)",
        options_.diary.empty() ? "" : absl::StrCat("; called again, it goes on there by ", options_.diary))));
    return true;
  }

  void RunStories(absl::Time first) {
    const Interrupts interrupts;
    end_ = LastTime() + absl::Hours(24);
    const auto hours = [first, most = end_](absl::Time t) { return absl::ToInt64Hours(std::min(t, most) - first); };
    Progress progress("hours of business time", hours(end_));
    int64_t shown = 0;
    playing_ = true;
    Tick();
    loop_.RunUntil([&] {
      if (!world_->failure.ok() || BrokenOff()) return true;
      if (!Interrupts::came()) world_->schedule.StartReady();
      end_ = std::max(end_, world_->schedule.latest());
      if (world_->schedule.empty()) return true;
      const absl::Time reached = world_->schedule.reached();
      if (const int64_t at = std::max(shown, hours(reached)); at > shown) progress.Add(at - std::exchange(shown, at));
      kept_shards_ += world_->schedule.kept_shards();
      under_way_ += world_->schedule.under_way();
      ++samples_;
      return false;
    });
    playing_ = false;
  }

  absl::Status Explained(const absl::Status& failure) const {
    std::string words(failure.message());
    for (const std::string& line : world_->schedule.Describe(5)) absl::StrAppend(&words, "\n  ", line);
    return {failure.code(), words};
  }

  // All timers up to the end fire; then every service comes to rest.
  absl::Status ComeToRest() {
    end_ += absl::Hours(1);
    if (auto status = AdvanceAll(*mesh_, loop_, operator_, end_); !status.ok()) return status;
    auto rest = AwaitRest(*mesh_, loop_, operator_, kRestPatience);
    if (!rest.ok()) return rest.status();
    after_ = *std::move(rest);
    return absl::OkStatus();
  }

  void PrintTally(const std::string& title, const Tally& tally) {
    if (tally.rows().empty()) return;
    out_ << "\n" << title << "\n";
    for (const auto& [what, count] : tally.rows())
      if (count > 0) out_ << absl::StreamFormat("  %6d  %s\n", count, what);
  }

  void PrintPlan() {
    out_ << "input: " << input_.what << ", " << input_.reports.size() << " reports from "
         << Local(input_.reports.front().at) << " to " << Local(input_.reports.back().at);
    if (!input_.activities.empty()) out_ << ", " << input_.activities.size() << " volunteering activities";
    out_ << "\n";
    PrintTally("what was changed in it", input_.notes);
    PrintTally("what could not be used, and why", input_.unusable);
    if (input_.unusable.rows().empty()) out_ << "\nwhat could not be used: nothing\n";
    out_ << "\nThe staff are simulated by these rules (seed \"" << options_.seed
         << "\"; times in minutes after the step before, around the clock):\n";
    for (const std::string& line : Rules::Describe()) out_ << "  " << line << "\n";
    if (diary_->goes_on())
      out_ << "\nThis replay was broken off before: " << diary_->answers()
           << " answers are known from then and are not asked for again. It goes on from there.\n";
    out_ << std::flush;
  }

  absl::Status Tell() {
    PrintTally("what happened", world_->happened);
    PrintTally("what the mesh refused, against the plan", world_->refused);
    analytics::v1::ListKpisRequest request;
    SetTime(FirstTime() - absl::Hours(1), request.mutable_window()->mutable_start());
    SetTime(end_, request.mutable_window()->mutable_end());
    auto kpis = Ask<analytics::v1::ListKpisResponse>(*mesh_, loop_, operator_, request);
    if (!kpis.ok()) return kpis.status();
    out_ << "\nFigures from " << Local(FirstTime() - absl::Hours(1)) << " to " << Local(end_) << " (business time)\n";
    std::map<std::string, std::string> cameras;
    for (const auto& minor : files_.standard.classes())
      if (minor.camera_class() > 0) cameras[absl::StrFormat("%02d", minor.camera_class())] = minor.name_zh();
    PrintKpis(out_, *kpis, input_.before, cameras);
    PrintCommands();
    PrintWhereToLook();
    return absl::OkStatus();
  }

  // By the ends of the inboxes: the citizens' and staff's commands, the policies' and time's.
  void PrintCommands() {
    std::vector<std::string> header{"commands"};
    for (int shard = 0; shard < shards_; ++shard) header.push_back(absl::StrCat("shard ", shard));
    header.push_back("all");
    Table table(header);
    int64_t all = 0, now = 0;
    for (size_t s = 0; s < after_.size(); ++s) {
      std::vector<std::string> row{kDecidingServices[s]};
      int64_t sum = 0;
      for (int shard = 0; shard < shards_; ++shard) {
        const int64_t count = after_[s].shards(shard).inbox() - before_[s].shards(shard).inbox();
        row.push_back(absl::StrCat(count));
        sum += count;
        now += after_[s].shards(shard).inbox() - at_start_[s].shards(shard).inbox();
      }
      row.push_back(absl::StrCat(sum));
      table.Add(row);
      all += sum;
    }
    out_ << "\n";
    table.Print(out_);
    if (now < all) out_ << all - now << " of them came before the replay was broken off; in this run ";
    const double seconds = static_cast<double>(std::max<int64_t>(took_ms_, 1)) / 1000;
    out_ << absl::StreamFormat(
        "%d commands in %.1f s (%.0f/s), %d calls through the door; on average %.1f actions under way that kept %.1f "
        "of %d "
        "shards; %d calls repeated\n",
        now, seconds, static_cast<double>(now) / seconds, mesh_->calls(),
        static_cast<double>(under_way_) / static_cast<double>(std::max<int64_t>(samples_, 1)),
        static_cast<double>(kept_shards_) / static_cast<double>(std::max<int64_t>(samples_, 1)), shards_ * kDomains,
        mesh_->repeats());
  }

  void PrintWhereToLook() {
    out_ << "\nWhere to look next: one report's whole life, as a clerk reads it (--lang en in English)\n";
    std::vector<const CaseStory*> stories;
    for (const auto& story : world_->cases) stories.push_back(story.get());
    std::stable_sort(stories.begin(), stories.end(),
                     [](const CaseStory* a, const CaseStory* b) { return a->steps() > b->steps(); });
    stories.resize(std::min(stories.size(), kExamples));
    // Who calls this with a login by environment types the next command without it.
    const char* login = std::getenv("CIVICMESH_KAFKA_SECURITY_FILE");
    for (const CaseStory* story : stories)
      out_ << "  " << Typed(std::filesystem::read_symlink("/proc/self/exe")) << " life " << story->first_source_id()
           << " --door=" << options_.mesh.door << " --keys=" << Typed(options_.mesh.keys)
           << " --kafka=" << (options_.kafka.empty() ? "HOST:PORT" : options_.kafka)
           << (login ? absl::StrCat(" --kafka-security-file=", Typed(login)) : "")
           << " --sample=" << Typed(options_.sample) << "\n";
  }

  const Options& options_;
  std::ostream& out_;
  CityFiles files_;
  Input input_;
  Diary::MadeOf made_of_;
  Loop loop_;
  std::unique_ptr<Diary> diary_;
  std::unique_ptr<Mesh> mesh_;
  std::unique_ptr<World> world_;
  Caller operator_;
  int shards_ = 0;
  absl::Time end_;
  bool playing_ = false;
  absl::Time interrupted_ = absl::InfiniteFuture();
  // When the replay began, when this run of it did, and at the end.
  std::vector<runtime::v1::QuiesceResponse> before_, at_start_, after_;
  int64_t took_ms_ = 0, kept_shards_ = 0, under_way_ = 0, samples_ = 0;
};

}  // namespace

Command ReplayCommand() {
  return {"replay", "put reports through the whole loop of a running city and print what came of it",
          [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddDoor(app, options->mesh);
            app.add_option("--sample", options->sample, "the folder of the district's files")->capture_default_str();
            app.add_option("--input", options->input,
                           "reports of another city (messages, answered messages, service requests)");
            app.add_option("--standard", options->standard,
                           "the published standard that was loaded instead of the sample's");
            app.add_option("--kafka", options->kafka, "the brokers, for the lines that say where to look next")
                ->envname("CIVICMESH_KAFKA");
            app.add_option("--acknowledged", options->mesh.acknowledged,
                           "a file for the method and traceparent of each acknowledged command");
            app.add_option(
                "--diary", options->diary,
                "a file that remembers what was done: called with it again, a replay that was broken off goes on");
            app.add_option("--limit", options->limit, "only so many reports")->check(CLI::PositiveNumber);
            app.add_option("--seed", options->seed, "of the simulated staff")->capture_default_str();
            return [options](std::ostream& out) { return Replay(*options, out).Run(); };
          }};
}

}  // namespace civicmesh::civicctl
