#include "services/volunteering/domain/shard.h"

#include <string>
#include <utility>
#include <vector>

#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "services/runtime/decider/typed_machine.h"
#include "services/volunteering/domain/common.h"
#include "services/volunteering/domain/evolve.h"
#include "services/volunteering/domain/names.h"
#include "services/volunteering/domain/rules.h"

namespace civicmesh::volunteering {
namespace {

using v1::ActivityState;
using v1::JournalEvent;

class VolunteeringShard : public TypedMachine<JournalEvent, v1::Command, ActivityState> {
 protected:
  Decision DecideCommand(const v1::Command& command, const Context& ctx) const override {
    const Caller caller{command.caller_token(), ctx, command.caller_organises()};
    switch (command.command_case()) {
      case v1::Command::kPublishActivity:
        return PublishActivity(command.publish_activity(), caller);
      case v1::Command::kCancelActivity:
        return InActivity(command.cancel_activity(), caller, CancelActivity);
      case v1::Command::kSignUp:
        return InActivity(command.sign_up(), caller, SignUp);
      case v1::Command::kCancelSignUp:
        return InActivity(command.cancel_sign_up(), caller, CancelSignUp);
      case v1::Command::kCheckIn:
        return InActivity(command.check_in(), caller, CheckIn);
      case v1::Command::kCheckOut:
        return InActivity(command.check_out(), caller, CheckOut);
      case v1::Command::kConfirmService:
        return InActivity(command.confirm_service(), caller, ConfirmService);
      case v1::Command::COMMAND_NOT_SET:
        break;
    }
    return Refuse(v1::REASON_INVALID_ARGUMENT);
  }

  Decision DecideTimer(const FiredTimer& timer, const Context& ctx) const override {
    const ActivityState* state = Find(timer.stream);
    if (state && timer.kind == kEndTimer) return EndActivity(*state, ctx);
    if (state && timer.kind == kCheckOutTimer) return CloseCheckOut(*state, ctx);
    return Decided<JournalEvent>{};
  }

  absl::Status EvolveStream(ActivityState& state, const EventMeta& meta, const JournalEvent& event) override {
    return volunteering::Evolve(state, meta, event);
  }

  std::vector<std::string> RowsOf(std::string_view id, const ActivityState& state) const override {
    const int64_t starts_ms = ToMs(state.activity().starts_at());
    std::vector<std::string> rows{Row(kOrganiserRows, state.activity().organiser(), starts_ms, id)};
    if (state.activity().status() == v1::ACTIVITY_STATUS_PUBLISHED) rows.push_back(Row(kOpenRows, "", starts_ms, id));
    for (const auto& p : state.participants()) rows.push_back(Row(kVolunteerRows, p.volunteer_token(), starts_ms, id));
    return rows;
  }

  std::vector<PublicEvent> PublicEvents(const EventMeta& meta, const JournalEvent& event) const override {
    if (event.has_activity_ended()) return {};
    const auto* reflection = event.GetReflection();
    const auto* fact = reflection->GetOneofFieldDescriptor(event, event.GetDescriptor()->FindOneofByName("fact"));
    if (!fact) return {};
    const auto& message = reflection->GetMessage(event, fact);
    return {{message.GetDescriptor()->full_name(), ActivityName(meta.stream), message.SerializeAsString()}};
  }

 private:
  template <typename Request, typename Rule>
  Decision InActivity(const Request& request, const Caller& caller, Rule rule) const {
    std::string stream = ActivityStream(request.name());
    if (stream.empty())
      if (auto record = ParseRecordName(request.name())) stream = std::move(record->stream);
    const ActivityState* state = Find(stream);
    if (!state) return Refuse(v1::REASON_ACTIVITY_NOT_FOUND, "name");
    return rule(*state, request, caller);
  }
};

}  // namespace

std::unique_ptr<Machine> MakeShard(int) { return std::make_unique<VolunteeringShard>(); }

}  // namespace civicmesh::volunteering
