// 志愿服务: activities as the input tells them, its refusals included.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civicmesh/volunteering/v1/volunteering_service.pb.h"
#include "services/civicctl/replay/world.h"

namespace civicmesh::civicctl {
namespace {

namespace vv1 = volunteering::v1;

// Below it, a service earns nothing.
constexpr int kEarningMinutes = 30;

void SetTime(absl::Time at, google::protobuf::Timestamp* to) { to->set_seconds(absl::ToUnixSeconds(at)); }

vv1::AgeBand BandOf(const std::optional<int>& age) {
  if (!age || *age >= 18) return vv1::AGE_BAND_ADULT;
  if (*age >= 16) return vv1::AGE_BAND_FROM_16;
  if (*age >= 14) return vv1::AGE_BAND_FROM_14;
  return *age >= 12 ? vv1::AGE_BAND_FROM_12 : vv1::AGE_BAND_UNDER_12;
}

class ActivityStory : public std::enable_shared_from_this<ActivityStory> {
 public:
  ActivityStory(World& world, const InputActivity& input)
      : world_(world),
        input_(input),
        publish_(absl::StrCat(input.id, "/0-publish")),
        shard_(world.ShardBy(kVolunteeringShards, world.RequestId(publish_))) {}

  void Begin() {
    auto self = shared_from_this();
    Act(
        world_, input_.published_at, publish_, [self] { return Shards{self->shard_}; },
        [self] { return self->Earning(); }, [self](const Schedule::Id& action) { self->Publish(action); });
  }

 private:
  // Where its volunteers will earn.
  Shards Earning() const {
    Shards shards;
    for (const InputSignUp& one : input_.sign_ups) shards.push_back(world_.AccountShard(one.person));
    return shards;
  }

  // In the end `one` earns by it; by the step itself where `earns`.
  template <typename Request>
  void Step(absl::Time at, const InputSignUp& one, std::string name, Caller caller, Request request,
            std::function<void(const Schedule::Id&, const grpc::Status&, const vv1::ServiceRecord&)> done,
            bool earns = false) {
    request.set_request_id(world_.RequestId(name));
    auto self = shared_from_this();
    const Shards own{shard_}, both{shard_, world_.AccountShard(one.person)};
    Act(
        world_, at, std::move(name), [=] { return earns ? both : own; }, [=] { return both; },
        [self, at, caller, request, done](const Schedule::Id& action) {
          self->world_.mesh.Call<vv1::ServiceRecord>(
              caller, at, request, [self, action, done](const grpc::Status& status, const vv1::ServiceRecord& answer) {
                done(action, status, answer);
              });
        });
  }

  void Publish(const Schedule::Id& action) {
    vv1::PublishActivityRequest request;
    request.set_request_id(world_.RequestId(publish_));
    request.set_title_zh(input_.title_zh);
    request.set_place_zh(input_.place_zh);
    *request.mutable_location() = input_.location;
    SetTime(input_.starts_at, request.mutable_starts_at());
    SetTime(input_.ends_at, request.mutable_ends_at());
    request.set_capacity(input_.capacity);
    request.set_minimum_age(input_.minimum_age);
    request.set_risks_zh(input_.risks_zh);
    // Who insures an activity takes it to be dangerous.
    request.set_personal_danger(input_.insured);
    request.set_insured(input_.insured);
    world_.mesh.Call<vv1::Activity>(
        Organiser(), input_.published_at, request,
        [=, self = shared_from_this()](const grpc::Status& status, const vv1::Activity& activity) {
          if (status.ok()) {
            self->world_.happened.Add("activities published 活动发布");
            self->name_ = activity.name();
            for (const InputSignUp& one : self->input_.sign_ups) self->SignUp(one);
          } else {
            self->world_.Refused("PublishActivity", status);
          }
          self->world_.Finish(action);
        });
  }

  Caller Organiser() const { return world_.staff.Named(input_.organiser); }
  std::string Action(const InputSignUp& one, const char* what) const {
    return absl::StrCat(input_.id, "/", one.person, "/", what);
  }

  void SignUp(const InputSignUp& one) {
    vv1::SignUpRequest request;
    request.set_name(name_);
    request.set_age_band(BandOf(one.age));
    request.set_guardian_consent(one.guardian_consent);
    Step(one.at, one, Action(one, "1-sign-up"), Citizen(one.person), request,
         [this, &one](const Schedule::Id& action, const grpc::Status& status, const vv1::ServiceRecord& record) {
           Signed(one, status, record);
           world_.Finish(action);
         });
  }

  void Signed(const InputSignUp& one, const grpc::Status& status, const vv1::ServiceRecord& record) {
    if (status.ok() && one.refused.empty()) {
      world_.happened.Add("sign-ups 报名");
      if (!one.absent) CheckIn(one, record.name());
      return;
    }
    const std::string expected = absl::StrCat("REASON_", one.refused);
    if (!status.ok() && NameOfRefusal(status) == expected)
      return world_.happened.Add(absl::StrCat("sign-ups refused as the input says (", one.refused, ")"));
    if (status.ok())
      return world_.refused.Add(absl::StrCat("SignUp taken that the input says is refused: ", one.refused));
    world_.Refused("SignUp", status);
  }

  void CheckIn(const InputSignUp& one, const std::string& record) {
    vv1::CheckInRequest request;
    request.set_name(record);
    Step(one.check_in, one, Action(one, "2-check-in"), Citizen(one.person), request,
         [this, &one, record](const Schedule::Id& action, const grpc::Status& status, const vv1::ServiceRecord&) {
           if (status.ok())
             CheckOut(one, record);
           else
             world_.Refused("CheckIn", status);
           world_.Finish(action);
         });
  }

  void CheckOut(const InputSignUp& one, const std::string& record) {
    vv1::CheckOutRequest request;
    request.set_name(record);
    Step(one.check_out, one, Action(one, "3-check-out"), Citizen(one.person), request,
         [this, &one, record](const Schedule::Id& action, const grpc::Status& status,
                              const vv1::ServiceRecord& checked) {
           if (status.ok() && checked.recorded_minutes() != one.minutes)
             world_.refused.Add(absl::StrCat("CheckOut recorded other minutes than the input says"));
           if (status.ok())
             Confirm(one, record, checked.recorded_minutes());
           else
             world_.Refused("CheckOut", status);
           world_.Finish(action);
         });
  }

  void Confirm(const InputSignUp& one, const std::string& record, int minutes) {
    vv1::ConfirmServiceRequest request;
    request.set_name(record);
    request.set_minutes(minutes);
    const absl::Time at = input_.ends_at + world_.rules.After(kConfirm, input_.id);
    Step(
        at, one, Action(one, "4-confirm"), Organiser(), request,
        [this, &one, minutes](const Schedule::Id& action, const grpc::Status& status, const vv1::ServiceRecord&) {
          auto finish = [this, action] { world_.Finish(action); };
          if (!status.ok()) {
            world_.Refused("ConfirmService", status);
            return finish();
          }
          world_.happened.Add("services confirmed 服务时长确认");
          if (minutes < kEarningMinutes) return finish();
          AwaitEarning(world_, action, one.person, name_, "volunteering", [finish](bool) { finish(); });
        },
        /*earns=*/true);
  }

  World& world_;
  const InputActivity& input_;
  const std::string publish_;
  const Shard shard_;
  std::string name_;
};

}  // namespace

void BeginActivities(World& world, const std::vector<InputActivity>& activities) {
  for (const InputActivity& activity : activities) std::make_shared<ActivityStory>(world, activity)->Begin();
}

}  // namespace civicmesh::civicctl
