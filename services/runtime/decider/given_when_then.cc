#include "services/runtime/decider/given_when_then.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"

namespace civicmesh::gwt {
namespace {

using google::protobuf::Message;

std::string ToText(const Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(message, &text);
  return text;
}

std::unique_ptr<Message> FromText(const Message& prototype, const std::string& text) {
  std::unique_ptr<Message> message(prototype.New());
  return google::protobuf::TextFormat::ParseFromString(text, message.get()) ? std::move(message) : nullptr;
}

// True where every field that `expected` names has that value in `actual`.
bool Matches(const Message& expected, const Message& actual) {
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
  differencer.set_repeated_field_comparison(google::protobuf::util::MessageDifferencer::AS_SET);
  return differencer.Compare(expected, actual);
}

}  // namespace

absl::Time At(std::string_view text) {
  std::string full = text.size() <= 8 ? absl::StrCat("2026-11-18 ", std::string(text)) : std::string(text);
  if (std::count(full.begin(), full.end(), ':') == 1) full += ":00";
  absl::Time time;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%d %H:%M:%S", full, absl::FixedTimeZone(8 * 3600), &time, &error))
    return absl::InfinitePast();
  return time;
}

Step Did(std::string command, std::string_view at, ActorView actor) {
  return {
      .kind = Step::Kind::kCommand, .text = std::move(command), .at = At(at), .actor = std::move(actor), .stream = ""};
}

Step Happened(std::string stream, std::string event, std::string_view at) {
  return {.kind = Step::Kind::kEvent, .text = std::move(event), .at = At(at), .actor = {}, .stream = std::move(stream)};
}

Step TimePassed(std::string_view until) {
  return {.kind = Step::Kind::kTime, .text = "", .at = At(until), .actor = {}, .stream = ""};
}

void Append(Steps& to, Step step) { to.push_back(std::move(step)); }
void Append(Steps& to, Steps steps) { std::move(steps.begin(), steps.end(), std::back_inserter(to)); }

const void* References::Find(std::string_view kind) const {
  auto it = contents_.find(kind);
  return it == contents_.end() ? nullptr : it->second.get();
}

Shard::Shard(std::unique_ptr<Machine> machine, const Message& event, const Message& command,
             const ReferenceView* references, int shard)
    : machine_(std::move(machine)), event_(event), command_(command), references_(references), shard_(shard) {}

absl::Time Shard::Armed(std::string_view stream, std::string_view kind) const {
  auto it = timers_.find({std::string(stream), std::string(kind)});
  return it == timers_.end() ? absl::InfiniteFuture() : absl::FromUnixMillis(it->second);
}

// From the last resource down, so that "$12" is not taken for "$1" and a 2.
std::string Shard::Resolve(std::string text) const {
  for (size_t i = resources_.size(); i > 0; --i)
    absl::StrReplaceAll({{absl::StrCat("$", i), resources_[i - 1]}}, &text);
  return text;
}

Shard::Happening Shard::Run(const Step& step) {
  Happening happening;
  const int64_t at_ms = absl::ToUnixMillis(step.at);
  if (step.at == absl::InfinitePast() || at_ms < now_ms_) {
    happening.broken = "the step's time does not parse or lies before the last step's";
    return happening;
  }
  if (step.kind == Step::Kind::kTime) {
    Pass(at_ms, happening);
    now_ms_ = at_ms;
    return happening;
  }
  Happening before;
  Pass(at_ms, before);
  now_ms_ = at_ms;
  if (!before.broken.empty()) return before;
  if (step.kind == Step::Kind::kCommand) return Decide(step);
  auto event = FromText(event_, Resolve(step.text));
  if (!event) {
    happening.broken = absl::StrCat("event does not parse: ", step.text);
  } else {
    Fold(Resolve(step.stream), event->SerializeAsString(), now_ms_, happening);
  }
  return happening;
}

Shard::Happening Shard::Decide(const Step& step) {
  Happening happening;
  auto command = FromText(command_, Resolve(step.text));
  if (!command) {
    happening.broken = absl::StrCat("command does not parse: ", step.text);
    return happening;
  }
  Context ctx{.now_ms = now_ms_,
              .shard = shard_,
              .shards = 8,
              .actor = step.actor,
              .seed = absl::StrCat("command ", ++steps_),
              .reference = references_};
  Apply(machine_->Decide(command->SerializeAsString(), ctx), now_ms_, happening);
  return happening;
}

void Shard::Pass(int64_t until_ms, Happening& happening) {
  while (happening.broken.empty()) {
    auto due = std::min_element(timers_.begin(), timers_.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; });
    if (due == timers_.end() || due->second > until_ms) return;
    const FiredTimer timer{due->first.first, due->first.second, due->second};
    timers_.erase(due);
    now_ms_ = std::max(now_ms_, timer.due_ms);
    Context ctx{.now_ms = now_ms_,
                .shard = shard_,
                .shards = 8,
                .actor = {.subject = "timer", .posts = {}},
                .seed = absl::StrCat("timer ", ++steps_),
                .reference = references_};
    Apply(machine_->Fire(timer, ctx), now_ms_, happening);
  }
}

void Shard::Apply(absl::StatusOr<Decision<std::string>> decision, int64_t now_ms, Happening& happening) {
  if (!decision.ok()) {
    happening.broken = std::string(decision.status().message());
    return;
  }
  if (const auto* refusal = std::get_if<Refusal>(&*decision)) {
    happening.reason = refusal->reason;
    happening.detail = absl::StrCat(refusal->field, " ", refusal->detail);
    return;
  }
  const auto* decided = std::get_if<Decided<std::string>>(&*decision);
  if (!decided) {
    happening.broken = "asks for cold streams";
    return;
  }
  std::set<std::string> changed;
  for (const auto& [stream, event] : decided->events) {
    Fold(stream, event, now_ms, happening);
    changed.insert(stream);
  }
  for (const auto& order : decided->timers) {
    // The shard takes timers only of streams that change with them.
    if (!changed.count(order.stream)) happening.broken = absl::StrCat("timer without an event of ", order.stream);
    timers_.erase({order.stream, order.kind});
    if (order.due_ms != 0) timers_[{order.stream, order.kind}] = order.due_ms;
  }
  if (!decided->resource.empty()) resources_.push_back(decided->resource);
}

void Shard::Fold(const std::string& stream, const std::string& bytes, int64_t now_ms, Happening& happening) {
  EventMeta meta{.stream = stream, .version = ++versions_[stream], .now_ms = now_ms};
  if (auto status = machine_->Evolve(meta, bytes); !status.ok()) happening.broken = std::string(status.message());
  if (auto facts = machine_->Publish(meta, bytes); !facts.ok())
    happening.broken = std::string(facts.status().message());
  std::unique_ptr<Message> event(event_.New());
  event->ParseFromString(bytes);
  happening.events.push_back(ToText(*event));
  // What a snapshot brings back is the state itself.
  const std::string saved = machine_->Save(stream);
  if (auto status = machine_->Load(stream, saved); !status.ok() || machine_->Save(stream).size() != saved.size())
    happening.broken = absl::StrCat("the state of ", stream, " does not survive Save and Load");
}

std::string Shard::Missed(const std::string& expected, const std::string& event) const {
  const std::string wanted = Resolve(expected);
  auto a = FromText(event_, wanted), b = FromText(event_, event);
  if (!a) return absl::StrCat("(does not parse) ", wanted);
  // PARTIAL scope passes over an expected submessage that is empty: its presence still counts.
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  a->GetReflection()->ListFields(*a, &fields);
  for (const auto* field : fields)
    if (!field->is_repeated() && !b->GetReflection()->HasField(*b, field)) return wanted;
  return Matches(*a, *b) ? "" : wanted;
}

std::string Check(const Row& row, Shard& shard) {
  for (size_t i = 0; i < row.given.size(); ++i) {
    const auto before = shard.Run(row.given[i]);
    if (!before.broken.empty()) return absl::StrCat("step ", i + 1, ": ", before.broken);
    if (!before.reason.empty())
      return absl::StrCat("step ", i + 1, " was refused: ", before.reason, " ", before.detail);
  }
  // "$n" of the expectation may name what the command itself creates.
  const auto came = shard.Run(row.when);
  if (!came.broken.empty()) return came.broken;
  const std::string told =
      came.reason.empty() ? absl::StrJoin(came.events, "\n") : absl::StrCat(came.reason, " ", came.detail);
  if (came.reason != row.then.reason) return absl::StrCat("expected ", row.then.reason, " but came\n", told);
  if (came.events.size() != row.then.events.size())
    return absl::StrCat("expected ", row.then.events.size(), " events but came\n", told);
  for (size_t i = 0; i < came.events.size(); ++i)
    if (std::string missed = shard.Missed(row.then.events[i], came.events[i]); !missed.empty())
      return absl::StrCat("event ", i + 1, ": expected ", missed, " but came\n", told);
  return "";
}

}  // namespace civicmesh::gwt
