// The rules of volunteering, one function per step: what an activity's state, a command and its caller come to.
//
// Sources: 志愿服务条例 (令685) §13 true and complete information, risks included, before joining, and duties that fit
// the volunteer; §17 accident insurance before activities with personal danger; §19 records true, complete, in time.
// Bounds without a source are ours (PR in DOMAIN.md). Pure functions; refusals in the order in which they are checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh::volunteering {

constexpr int kMaxCapacity = 500;
constexpr int64_t kMinuteMs = 60 * 1000, kHourMs = 60 * kMinuteMs, kDayMs = 24 * kHourMs;
constexpr int64_t kCheckInAheadMs = 30 * kMinuteMs;
constexpr int64_t kCheckOutAfterMs = 60 * kMinuteMs;
constexpr int64_t kMaxDurationMs = kDayMs;
constexpr int64_t kMaxAheadMs = 365 * kDayMs;
constexpr int kAdult = 18;

// The timers of an activity: its end, and the last moment to check out.
constexpr char kEndTimer[] = "end", kCheckOutTimer[] = "check_out";

using Decision = civicmesh::Decision<v1::JournalEvent>;

// Who asks: `token` is the caller's person token.
struct Caller {
  std::string_view token;
  const Context& ctx;
  bool organises = false;  // the activity that the request names
};

// What is wrong with the texts, to be asked before the request enters the log: personal data never does.
std::optional<Refusal> CheckTexts(const v1::PublishActivityRequest& request);
Decision PublishActivity(const v1::PublishActivityRequest& request, const Caller& caller);
Decision CancelActivity(const v1::ActivityState& state, const v1::CancelActivityRequest& request, const Caller& caller);

Decision SignUp(const v1::ActivityState& state, const v1::SignUpRequest& request, const Caller& caller);
Decision CancelSignUp(const v1::ActivityState& state, const v1::CancelSignUpRequest& request, const Caller& caller);

Decision CheckIn(const v1::ActivityState& state, const v1::CheckInRequest& request, const Caller& caller);
Decision CheckOut(const v1::ActivityState& state, const v1::CheckOutRequest& request, const Caller& caller);
Decision ConfirmService(const v1::ActivityState& state, const v1::ConfirmServiceRequest& request, const Caller& caller);

// kEndTimer: who never checked in is absent. kCheckOutTimer: who never checked out is taken to have left at the end.
Decision EndActivity(const v1::ActivityState& state, const Context& ctx);
Decision CloseCheckOut(const v1::ActivityState& state, const Context& ctx);

}  // namespace civicmesh::volunteering
