// Tables of a domain's rules: given a history, when a command (or time) comes, then these events, or a refusal.
//
// A row runs over the real machine: decisions are applied, timers that come due fire first (R7), ids and versions are
// as in a shard. Commands and events are text-format protos; in them "$1" is the resource of the first accepted command
// of the row, "$2" of the second. An expected event needs to name only the fields that matter.
//
//   const Row kRows[] = {
//       {"returned with its duty entry: the dispatcher has 15 minutes",
//        Given(Dispatched(), Did("sign_case {name: 'cases/$1'}", "10:10", kWorker)),
//        When("return_case {name: 'cases/$1' duty_entry: 'd2'}", "10:20", kWorker),
//        Then("case_returned {duty_entry: 'd2'}")},
//       {"nobody accepts in time", Given(Opened("10:00")), WhenTimePasses("10:15"), Then("case_became_overdue {}")}};
//   EXPECT_EQ(harness.Check(row), "");
//
// For tests only: errors are texts. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::gwt {

// "2026-11-18 10:00", with ":05" where seconds matter, Asia/Shanghai. "10:00" alone is on 2026-11-18, a Wednesday.
absl::Time At(std::string_view text);

struct Step {
  enum class Kind { kCommand, kEvent, kTime };
  Kind kind;
  std::string text;  // the command, or the event
  absl::Time at;
  ActorView actor;     // of a command
  std::string stream;  // of an event
};
using Steps = std::vector<Step>;

// Part of a history: a command that is accepted; an event folded as it stands; time that passes with its timers.
Step Did(std::string command, std::string_view at, ActorView actor = {});
Step Happened(std::string stream, std::string event, std::string_view at);
Step TimePassed(std::string_view until);

// A history from steps and shorter histories.
void Append(Steps& to, Step step);
void Append(Steps& to, Steps steps);
template <typename... Parts>
Steps Given(Parts... parts) {
  Steps steps;
  (Append(steps, std::move(parts)), ...);
  return steps;
}

inline Step When(std::string command, std::string_view at, ActorView actor = {}) {
  return Did(std::move(command), at, std::move(actor));
}
inline Step WhenTimePasses(std::string_view until) { return TimePassed(until); }

struct Expected {
  std::vector<std::string> events;  // all, in order
  std::string reason;               // of a refusal, as "REASON_WRONG_STATUS"
};
template <typename... Texts>
Expected Then(Texts... events) {
  return {.events = {std::string(events)...}, .reason = ""};
}
inline Expected ThenNothing() { return {}; }
// A value of the domain's Reason enum.
template <typename Reason>
Expected Refused(Reason reason) {
  return {.events = {}, .reason = google::protobuf::GetEnumDescriptor<Reason>()->FindValueByNumber(reason)->name()};
}

struct Row {
  std::string name;
  Steps given;
  Step when;
  Expected then;
};

// Reference data by kind, as the domain's parsers make it.
class References : public ReferenceView {
 public:
  void Set(const std::string& kind, std::shared_ptr<const void> content) { contents_[kind] = std::move(content); }
  const void* Find(std::string_view kind) const override;

 private:
  std::map<std::string, std::shared_ptr<const void>, std::less<>> contents_;
};

// One shard without a log: decides, folds, keeps timers and versions.
class Shard {
 public:
  // `event` and `command` are empty messages of the domain's types; `references` outlives the shard.
  Shard(std::unique_ptr<Machine> machine, const google::protobuf::Message& event,
        const google::protobuf::Message& command, const ReferenceView* references, int shard = 0);

  // Runs a step. The answer is what happened: texts of the events in order, or a reason. `broken` says what went wrong
  // with the step itself (does not parse, does not fold); a refusal is no such thing.
  struct Happening {
    std::vector<std::string> events;
    std::string reason, detail, broken;
  };
  Happening Run(const Step& step);

  const Machine& machine() const { return *machine_; }
  const std::vector<std::string>& resources() const { return resources_; }
  // "" where `event` has every field that `expected` names; else `expected`, resolved.
  std::string Missed(const std::string& expected, const std::string& event) const;
  // When this stream's timer of that kind is due; InfiniteFuture when it is not armed.
  absl::Time Armed(std::string_view stream, std::string_view kind) const;

 private:
  Happening Decide(const Step& step);
  void Pass(int64_t until_ms, Happening& happening);
  void Apply(absl::StatusOr<Decision<std::string>> decision, int64_t now_ms, Happening& happening);
  void Fold(const std::string& stream, const std::string& bytes, int64_t now_ms, Happening& happening);
  std::string Resolve(std::string text) const;

  std::unique_ptr<Machine> machine_;
  const google::protobuf::Message& event_;
  const google::protobuf::Message& command_;
  const ReferenceView* references_;
  const int shard_;
  int64_t now_ms_ = 0;
  int steps_ = 0;
  std::map<std::string, uint64_t> versions_;
  std::map<std::pair<std::string, std::string>, int64_t> timers_;
  std::vector<std::string> resources_;
};

// "" when `row` holds on `shard`, which is new; else what came instead.
std::string Check(const Row& row, Shard& shard);

}  // namespace civicmesh::gwt
