// What a domain's Decide answers: events, or a refusal, or which cold streams it needs first.
//
//   Decision<JournalEvent> Register(const Case& c, const RegisterCase& cmd, const Context& ctx) {
//     if (c.state() != CASE_ACCEPTED) return Refuse(REASON_WRONG_STATE, "name");
//     Decided<JournalEvent> d{.resource = c.id()};
//     d.Add(c.id(), event);
//     d.Arm(c.id(), "dispatch_overdue", ctx.now_ms + 15 * kMinute);
//     return d;
//   }
//
// Values only; no thread, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/generated_enum_reflection.h"

namespace civicmesh {

// Why not. Recorded like a decision, so that a retry gets the same answer.
struct Refusal {
  std::string reason;  // the enum value's name
  std::string domain;  // the enum's package, as "dispatch"
  int code = 9;        // google.rpc.Code, from the value's option
  std::string field;
  std::string detail;  // never personal data
};

Refusal RefuseBy(const google::protobuf::EnumValueDescriptor* reason, std::string field, std::string detail);

// `reason` is a value of the domain's Reason enum, whose option (civicmesh.options.v1.reason) says code and texts.
// `field` names the request field that is wrong, where one is.
template <typename Reason>
Refusal Refuse(Reason reason, std::string field = "", std::string detail = "") {
  return RefuseBy(google::protobuf::GetEnumDescriptor<Reason>()->FindValueByNumber(reason), std::move(field),
                  std::move(detail));
}

struct TimerOrder {
  std::string stream;
  std::string kind;
  int64_t due_ms = 0;  // 0 disarms
};

template <typename Event>
struct Decided {
  // In order; versions follow from it. Several streams of one shard may change together.
  std::vector<std::pair<std::string, Event>> events;
  // One timer per stream and kind: a new order replaces the old one.
  std::vector<TimerOrder> timers;
  // The stream whose state answers the caller.
  std::string resource;

  void Add(std::string stream, Event event) { events.emplace_back(std::move(stream), std::move(event)); }
  void Arm(std::string stream, std::string kind, int64_t due_ms) {
    timers.push_back({std::move(stream), std::move(kind), due_ms});
  }
  void Disarm(std::string stream, std::string kind) { timers.push_back({std::move(stream), std::move(kind), 0}); }
};

// R16: these streams have left memory; the owner reads them from the journal and asks again.
struct NeedsCold {
  std::vector<std::string> streams;
};

template <typename Event>
using Decision = std::variant<Decided<Event>, Refusal, NeedsCold>;

}  // namespace civicmesh
