// One decision about one case, event by event. Each event says the case as it is after it: its context, and the clocks
// that the event moved. Timers follow from the clocks.
//
//   Change change(c, ctx);
//   change.after().set_status(v1::CASE_STATUS_CLOSED);
//   StopClock(change.clock(v1::CLOCK_KIND_INSPECTION), ctx.now_ms);
//   auto& closed = change.Add(&v1::JournalEvent::mutable_case_closed);
//   closed.set_rounds(1);
//   return std::move(change).Done();
//
// One thread. References hold until the next Add.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh::dispatch {

// "cases/c-…" of a stream "c-…" and back; "" where `name` is none.
std::string CaseName(std::string_view stream);
std::string CaseStream(std::string_view name);

// The name of the timer that watches clocks of that kind, and back; UNSPECIFIED for another timer.
const char* TimerOf(v1::ClockKind kind);
v1::ClockKind ClockOf(std::string_view timer);
// Ends a postponement.
constexpr char kPostponementTimer[] = "postponement";
// Ends the waiting for another shard's word on merging.
constexpr char kMergingTimer[] = "merging";

// What an event of this case would say if nothing changed.
v1::EventContext ContextOf(const v1::Case& c, const std::string& reporter_token);
// Null where no such clock has run.
const v1::Clock* FindClock(const v1::Case& c, v1::ClockKind kind);

class Change {
 public:
  // `before` outlives the change.
  Change(const v1::CaseState& before, const Context& ctx);
  // A new case, whose context is empty but for its name, time and actor.
  Change(std::string stream, const Context& ctx);

  // What the next event says of the case.
  v1::EventContext& after() { return after_; }
  // A clock as it becomes; the next event carries it. Made where it has not run yet.
  v1::Clock& clock(v1::ClockKind kind);
  // The same as a value to be set whole.
  void Start(v1::Clock clock) { this->clock(clock.kind()) = clock; }
  void Arm(const char* timer, int64_t due_ms) { decided_.Arm(stream_, timer, due_ms); }

  // Adds an event of that kind, with context and clocks filled in, and answers it.
  template <typename Fact>
  Fact& Add(Fact* (v1::JournalEvent::*fact)()) {
    FollowDisposal();
    decided_.Add(stream_, v1::JournalEvent());
    Fact& added = *(event().*fact)();
    *added.mutable_context() = after_;
    for (v1::ClockKind kind : moved_) *added.add_clocks() = clocks_.at(kind);
    Settle();
    return added;
  }
  // The last event added, for what stays private.
  v1::JournalEvent& event() { return decided_.events.back().second; }
  // An event of another stream.
  void AddTo(const std::string& stream, v1::JournalEvent event) { decided_.Add(stream, std::move(event)); }

  Decided<v1::JournalEvent> Done() &&;

 private:
  void FollowDisposal();  // what the context says of the disposal clock
  void Settle();          // timers of the clocks moved; from here on they have not moved

  const v1::CaseState* before_ = nullptr;
  const std::string stream_;
  v1::EventContext after_;
  std::map<v1::ClockKind, v1::Clock> clocks_;
  std::set<v1::ClockKind> moved_;
  Decided<v1::JournalEvent> decided_;
};

}  // namespace civicmesh::dispatch
