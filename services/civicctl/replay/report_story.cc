#include "services/civicctl/replay/report_story.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/civicctl/replay/case_story.h"
#include "services/civicctl/replay/photos.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {
namespace {

namespace iv1 = intake::v1;
using type::v1::ReportSource;

constexpr char kReader[] = "REGISTRAR";
// Of the cameras' model: the sample's alerts do not say.
constexpr char kModel[] = "sample-1";

void SetTime(absl::Time at, google::protobuf::Timestamp* to) {
  to->set_seconds(absl::ToUnixSeconds(at));
  to->set_nanos(0);
}

const iv1::Notice* FindNotice(const iv1::Report& report, iv1::NoticeKind kind) {
  for (const auto& notice : report.notices())
    if (notice.kind() == kind) return &notice;
  return nullptr;
}

}  // namespace

ReportStory::ReportStory(World& world, const InputReport& input)
    : world_(world),
      input_(input),
      first_action_(absl::StrCat(input.id, input.alert ? "/0-raise" : "/0-submit")),
      intake_(world.ShardBy(kIntakeShards, world.RequestId(first_action_))),
      home_(world.HomeShard(input.found)),
      near_(world.NearShards(input.found)) {}

bool ReportStory::earns() const {
  return !input_.reporter.empty() && (input_.source == type::v1::REPORT_SOURCE_CITIZEN_APP ||
                                      input_.source == type::v1::REPORT_SOURCE_HOTLINE_12345);
}

Shards ReportStory::Touched(bool opens_case) const {
  Shards shards{intake_};
  if (!opens_case) return shards;
  shards.push_back(home_);
  shards.insert(shards.end(), near_.begin(), near_.end());
  // Merged into a case that is registered, it earns at once.
  if (earns()) shards.push_back(account());
  return shards;
}

void ReportStory::Begin() {
  if (input_.alert) return Raise();
  Act(
      world_, input_.at, first_action_, [this] { return Touched(input_.location.has_value()); },
      [this] { return Touched(true); },
      [this](const Schedule::Id& action) {
        iv1::SubmitReportRequest request;
        request.set_request_id(world_.RequestId(first_action_));
        request.set_text(input_.text);
        request.set_place_text(input_.place);
        request.set_source_id(input_.id);
        if (input_.location) *request.mutable_location() = *input_.location;
        AddPhotos(input_.id, input_.photos, type::v1::Attachment::KIND_NEAR, request.mutable_photos());
        const Caller sender = Sender(request);
        world_.mesh.Call<iv1::Report>(sender, input_.at, request,
                                      [=, this](const grpc::Status& status, const iv1::Report& report) {
                                        if (!status.ok()) {
                                          world_.Refused("SubmitReport", status);
                                          return world_.Finish(action);
                                        }
                                        Named(report.name());
                                        world_.happened.Add("reports submitted 上报");
                                        Judge(report);
                                        AddRest(0, sender, report.tracking_code(), action);
                                      });
      });
}

void ReportStory::AddRest(size_t next, const Caller& sender, const std::string& tracking_code,
                          const Schedule::Id& action) {
  if (next == input_.more.size()) return Complete(action);
  iv1::AddToReportRequest request;
  request.set_name(name_);
  request.set_request_id(world_.RequestId(absl::StrCat(input_.id, "/0-add-", next)));
  request.set_tracking_code(tracking_code);
  request.set_text(input_.more[next]);
  world_.mesh.Call<iv1::Report>(sender, input_.at, request, [=, this](const grpc::Status& status, const iv1::Report&) {
    if (status.ok())
      world_.happened.Add("further parts of long texts added 补充");
    else
      world_.Refused("AddToReport", status);
    AddRest(next + 1, sender, tracking_code, action);
  });
}

void ReportStory::Complete(const Schedule::Id& action) {
  if (input_.location) return Follow(input_.at, action);
  Locate(input_.at + world_.rules.After(kLocate, input_.id));
  world_.Finish(action);
}

// Citizens speak for themselves; a gateway for who called the hotline, or for a device.
Caller ReportStory::Sender(iv1::SubmitReportRequest& request) const {
  request.set_source(input_.source);
  switch (input_.source) {
    case type::v1::REPORT_SOURCE_CITIZEN_APP:
      request.set_anonymous(input_.reporter.empty());
      return input_.reporter.empty() ? Caller{} : Citizen(input_.reporter);
    case type::v1::REPORT_SOURCE_COLLECTOR:
      return world_.staff.Named(input_.reporter);
    case type::v1::REPORT_SOURCE_HOTLINE_12345:
      request.set_anonymous(input_.reporter.empty());
      request.set_reporter_reference(input_.reporter);
      return world_.staff.Named("gateway-hotline");
    default:
      return world_.staff.Named("gateway-sensor");
  }
}

void ReportStory::Locate(absl::Time at) {
  const std::string name = absl::StrCat(input_.id, "/1-locate");
  Act(
      world_, at, name, [this] { return Touched(true); }, [] { return Shards(); },
      [=, this](const Schedule::Id& action) {
        iv1::LocateReportRequest request;
        request.set_name(name_);
        request.set_request_id(world_.RequestId(name));
        *request.mutable_location() = input_.found;
        world_.mesh.Call<iv1::Report>(world_.staff.One("REGISTRAR", name), at, request,
                                      [=, this](const grpc::Status& status, const iv1::Report&) {
                                        if (status.ok()) {
                                          world_.happened.Add("reports located by staff 定位");
                                          return Follow(at, action);
                                        }
                                        world_.Refused("LocateReport", status);
                                        world_.Finish(action);
                                      });
      });
}

void ReportStory::Raise() {
  Act(
      world_, input_.at, first_action_, [this] { return Touched(false); }, [this] { return Touched(true); },
      [this](const Schedule::Id& action) {
        const InputAlert& alert = *input_.alert;
        const auto* detected = world_.FindClass(world_.CodeOf(alert.detected));
        iv1::RaiseAlertRequest request;
        request.set_request_id(world_.RequestId(first_action_));
        request.set_camera(alert.camera);
        request.mutable_box()->set_left(alert.box[0]);
        request.mutable_box()->set_top(alert.box[1]);
        request.mutable_box()->set_width(alert.box[2]);
        request.mutable_box()->set_height(alert.box[3]);
        request.set_camera_class(detected ? detected->camera_class() : 0);
        request.set_confidence(alert.confidence);
        request.set_model_version(kModel);
        SetTime(input_.at, request.mutable_captured_at());
        request.set_source_id(input_.id);
        AddPhotos(input_.id, input_.photos, type::v1::Attachment::KIND_NEAR, request.mutable_photos());
        world_.mesh.Call<iv1::Alert>(world_.staff.Named("gateway-camera"), input_.at, request,
                                     [=, this](const grpc::Status& status, const iv1::Alert& raised) {
                                       if (status.ok()) {
                                         world_.happened.Add("alerts raised 告警");
                                         Review(input_.at + world_.rules.After(kReview, input_.id), raised.name());
                                       } else {
                                         world_.Refused("RaiseAlert", status);
                                       }
                                       world_.Finish(action);
                                     });
      });
}

void ReportStory::Review(absl::Time at, const std::string& alert) {
  const std::string name = absl::StrCat(input_.id, "/1-review");
  const bool confirmed = input_.classes && !input_.classes->empty();
  Act(
      world_, at, name, [=, this] { return Touched(confirmed); }, [] { return Shards(); },
      [=, this](const Schedule::Id& action) {
        iv1::ReviewAlertRequest request;
        request.set_name(alert);
        request.set_request_id(world_.RequestId(name));
        request.set_verdict(confirmed ? iv1::ALERT_VERDICT_CONFIRMED : iv1::ALERT_VERDICT_FALSE);
        const auto* is = confirmed ? world_.FindClass(world_.CodeOf(input_.classes->front())) : nullptr;
        if (is && input_.classes->front() != input_.alert->detected) request.set_true_camera_class(is->camera_class());
        world_.mesh.Call<iv1::Alert>(world_.staff.One("REVIEWER", name), at, request,
                                     [=, this](const grpc::Status& status, const iv1::Alert& reviewed) {
                                       if (!status.ok()) world_.Refused("ReviewAlert", status);
                                       if (!status.ok() || !confirmed) {
                                         if (status.ok()) world_.happened.Add("alerts found false 误报");
                                         return world_.Finish(action);
                                       }
                                       world_.happened.Add("alerts confirmed 属实");
                                       Named(reviewed.report());
                                       Follow(at, action);
                                     });
      });
}

void ReportStory::Named(const std::string& report) {
  name_ = report;
  world_.report_by_name[name_] = this;
}

// What the classifier made of it, against what the input says.
void ReportStory::Judge(const iv1::Report& report) {
  second_class_ = report.category().second_class_code();
  if (!input_.classes || input_.classes->empty()) return;
  const std::string& proposed = report.category().class_code();
  const bool right = std::any_of(input_.classes->begin(), input_.classes->end(),
                                 [&](const std::string& code) { return world_.CodeOf(code) == proposed; });
  world_.happened.Add(proposed.empty() ? "classifier unsure: a person chose"
                      : right          ? "classifier right"
                                       : "classifier wrong: a person corrected it");
}

void ReportStory::Follow(absl::Time at, const Schedule::Id& action) {
  const std::string opened = absl::StrCat(input_.id, "/opened"), merged = absl::StrCat(input_.id, "/merged");
  for (const std::string& key : {opened, merged})
    if (const auto* known = world_.diary.Find(key)) return Led(at, action, known->bytes, key == opened);
  iv1::GetReportRequest request;
  request.set_name(name_);
  world_.mesh.Await<iv1::Report>(
      world_.staff.One(kReader, input_.id), request,
      [](const iv1::Report& report) {
        return !report.case_().empty() &&
               (FindNotice(report, iv1::NOTICE_KIND_CASE_OPENED) || FindNotice(report, iv1::NOTICE_KIND_MERGED));
      },
      [=, this](const iv1::Report& report) {
        if (FindNotice(report, iv1::NOTICE_KIND_MERGED)) return Settled(at, action, report.case_(), false);
        if (near_.empty()) return Settled(at, action, report.case_(), true);
        Settle(at, report.case_(), action);
      });
}

void ReportStory::Settle(absl::Time at, const std::string& opened, const Schedule::Id& action) {
  dispatch::v1::GetCaseRequest request;
  request.set_name(opened);
  world_.mesh.Await<dispatch::v1::Case>(
      world_.staff.One(kReader, input_.id), request,
      [](const dispatch::v1::Case& c) { return !c.duplicates_pending(); },
      [=, this](const dispatch::v1::Case& c) {
        if (c.status() != dispatch::v1::CASE_STATUS_MERGED) return Settled(at, action, opened, true);
        AwaitNotice(action, iv1::NOTICE_KIND_MERGED,
                    [=, this, into = c.merged_into()] { Settled(at, action, into, false); });
      });
}

void ReportStory::Settled(absl::Time at, const Schedule::Id& action, const std::string& to, bool opened) {
  world_.diary.Answered(absl::StrCat(input_.id, opened ? "/opened" : "/merged"), grpc::Status::OK, to);
  Led(at, action, to, opened);
}

void ReportStory::Led(absl::Time at, const Schedule::Id& action, const std::string& to, bool opened) {
  CaseStory*& story = world_.case_by_name[to];
  if (opened) {
    world_.happened.Add("cases opened 案件产生");
    world_.cases.push_back(std::make_unique<CaseStory>(world_, to, this, home_));
    case_ = story = world_.cases.back().get();
    case_->Begin(at);
    return world_.Finish(action);
  }
  world_.happened.Add("reports merged 并案");
  if (input_.repeats) world_.happened.Add("of those that the input calls repeats, merged");
  case_ = story;
  Merged(action);
}

void ReportStory::Merged(const Schedule::Id& action) {
  auto finish = [=, this] { world_.Finish(action); };
  // A case that no story of ours opened: somebody else reported to this city too.
  if (!case_) return finish();
  const std::string rule = case_->Join(this);
  if (rule.empty()) return finish();
  AwaitPoints(action, case_->name(), rule, finish);
}

void ReportStory::AwaitPoints(const Schedule::Id& action, const std::string& earned_by, const std::string& rule,
                              std::function<void()> done) const {
  AwaitEarning(world_, action, input_.reporter, earned_by, rule, [=, this, done = std::move(done)](bool granted) {
    if (!granted) return done();
    AwaitNotice(action, iv1::NOTICE_KIND_POINTS, done);
  });
}

void ReportStory::AwaitNotice(const Schedule::Id& action, iv1::NoticeKind kind, std::function<void()> done) const {
  if (world_.WasFinished(action)) return done();
  iv1::GetReportRequest request;
  request.set_name(name_);
  world_.mesh.Await<iv1::Report>(
      world_.staff.One(kReader, input_.id), request,
      [kind](const iv1::Report& report) { return FindNotice(report, kind) != nullptr; },
      [done = std::move(done)](const iv1::Report&) { done(); });
}

}  // namespace civicmesh::civicctl
