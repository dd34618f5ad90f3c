#include "services/intake/domain/notice_words.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/intake/domain/rules.h"
#include "services/runtime/workcalendar/time_limit.h"

namespace civicmesh::intake {
namespace {

using reference::v1::Notices;

constexpr char kKindPrefix[] = "NOTICE_KIND_", kGroundPrefix[] = "DECLINE_GROUND_", kAnyGround[] = "UNSPECIFIED";

absl::Status Wrong(const std::string& what) { return absl::InvalidArgumentError(what); }

std::string LocalTime(const google::protobuf::Timestamp& time) {
  static const absl::TimeZone shanghai = absl::FixedTimeZone(8 * 60 * 60);
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMillis(MsOf(time)), shanghai);
}

std::string InEnglish(const TimeLimit& limit) {
  const auto say = [&](const char* before, const char* unit, const char* after) {
    return absl::StrCat(limit.amount, " ", before, unit, limit.amount == 1 ? "" : "s", after);
  };
  switch (limit.kind) {
    case TimeLimit::Kind::kUrgentHour:
      return say("", "hour", " around the clock");
    case TimeLimit::Kind::kUrgentDay:
      return say("", "day", " around the clock");
    case TimeLimit::Kind::kWorkingHour:
      return say("working ", "hour", "");
    case TimeLimit::Kind::kWorkingDay:
      return say("working ", "day", "");
    case TimeLimit::Kind::kCalendarDay:
      return say("calendar ", "day", "");
  }
  return "";
}

// As the standard prints it; in English in words.
std::string LimitText(const std::string& printed, bool zh) {
  const auto limit = ParseTimeLimit(printed);
  return zh || !limit.ok() ? printed : InEnglish(*limit);
}

bool HasKind(const Notices& notices, std::string_view kind) {
  return std::any_of(notices.templates().begin(), notices.templates().end(),
                     [kind](const auto& one) { return one.kind() == kind; });
}

// Whether every notice of the kind has something to say there, and whether any has.
bool AlwaysThere(std::string_view placeholder, v1::NoticeKind kind) {
  return (placeholder == "reason" && kind == v1::NOTICE_KIND_DECLINED) ||
         (placeholder == "points" && kind == v1::NOTICE_KIND_POINTS);
}
bool SometimesThere(std::string_view placeholder) { return placeholder == "due" || placeholder == "limit"; }

}  // namespace

absl::StatusOr<NoticeWords::Parts> NoticeWords::Parse(const std::string& text, v1::NoticeKind kind) {
  if (text.empty()) return Wrong("is missing");
  Parts parts;
  Part now;
  int brackets = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool within = now.bracket > 0;
    if (c == (within ? '[' : ']') || c == '}') return Wrong(absl::StrCat("has a ", std::string(1, c), " too many"));
    if (c == '[' || c == ']') {
      parts.push_back(std::exchange(now, Part()));
      now.bracket = within ? 0 : ++brackets;
    } else if (c == '{') {
      const size_t end = std::min(text.find('}', i), text.size());
      now.placeholder = text.substr(i + 1, end - i - 1);
      if (!AlwaysThere(now.placeholder, kind) && !(within && SometimesThere(now.placeholder)))
        return Wrong(absl::StrCat("may not say {", now.placeholder, "} here"));
      parts.push_back(std::exchange(now, Part()));
      now.bracket = parts.back().bracket;
      i = end;
    } else {
      now.words += c;
    }
  }
  if (now.bracket > 0) return Wrong("has a [ too many");
  parts.push_back(std::move(now));
  return parts;
}

absl::Status NoticeWords::AddTemplate(const reference::v1::NoticeTemplate& given) {
  v1::NoticeKind kind = v1::NOTICE_KIND_UNSPECIFIED;
  if (!v1::NoticeKind_Parse(absl::StrCat(kKindPrefix, given.kind()), &kind) || kind == v1::NOTICE_KIND_UNSPECIFIED)
    return Wrong(absl::StrCat("template ", given.kind(), ": there is no such kind of notice"));
  auto zh = Parse(given.text_zh(), kind), en = Parse(given.text_en(), kind);
  if (!zh.ok()) return Wrong(absl::StrCat("template ", given.kind(), ": text_zh ", zh.status().message()));
  if (!en.ok()) return Wrong(absl::StrCat("template ", given.kind(), ": text_en ", en.status().message()));
  if (!templates_.emplace(kind, Template{.zh = *std::move(zh), .en = *std::move(en), .urgent = given.urgent()}).second)
    return Wrong(absl::StrCat("template ", given.kind(), " stands twice"));
  return absl::OkStatus();
}

absl::StatusOr<NoticeWords> NoticeWords::Make(const Notices& notices) {
  NoticeWords words;
  for (const auto& given : notices.templates())
    if (auto added = words.AddTemplate(given); !added.ok()) return added;
  const Notices built_in = BuiltInNotices();
  for (const auto& ours : built_in.templates())
    if (!HasKind(notices, ours.kind()))
      if (auto added = words.AddTemplate(ours); !added.ok()) return added;
  for (const auto& given : notices.decline_words()) {
    const std::string place = absl::StrCat("decline_words ", given.ground());
    if (given.text_zh().empty()) return Wrong(absl::StrCat(place, ": text_zh is missing"));
    if (given.text_en().empty()) return Wrong(absl::StrCat(place, ": text_en is missing"));
    if (!words.decline_words_.emplace(given.ground(), NoticeText{given.text_zh(), given.text_en()}).second)
      return Wrong(absl::StrCat(place, " stands twice"));
  }
  if (!words.decline_words_.count(kAnyGround)) return Wrong(absl::StrCat("decline_words ", kAnyGround, " is missing"));
  if (!notices.has_quiet_hours()) return words;
  words.quiet_ = ParseQuietHours(notices.quiet_hours().from(), notices.quiet_hours().to());
  if (!words.quiet_) return Wrong("quiet_hours: from and to are two different times of day, as 22:00");
  return words;
}

absl::Status CheckEveryKind(const Notices& notices) {
  const auto* kinds = v1::NoticeKind_descriptor();
  for (int i = 1; i < kinds->value_count(); ++i)
    if (const auto kind = absl::StripPrefix(kinds->value(i)->name(), kKindPrefix);
        !HasKind(notices, std::string_view(kind.data(), kind.size())))
      return Wrong(absl::StrCat("template ", kind, " is missing"));
  return absl::OkStatus();
}

const NoticeWords& NoticeWords::BuiltIn() {
  static const auto* words = new NoticeWords(*Make(BuiltInNotices()));
  return *words;
}

std::string NoticeWords::Value(const std::string& placeholder, const v1::NoticeState& notice, bool zh) const {
  if (placeholder == "due") return notice.has_disposal_due_at() ? LocalTime(notice.disposal_due_at()) : "";
  if (placeholder == "limit") return LimitText(notice.disposal_limit(), zh);
  if (placeholder == "points") return absl::StrCat(notice.points());
  auto why = decline_words_.find(std::string(absl::StripPrefix(notice.decline_ground(), kGroundPrefix)));
  if (why == decline_words_.end()) why = decline_words_.find(kAnyGround);
  return zh ? why->second.zh : why->second.en;
}

std::string NoticeWords::Fill(const Parts& parts, const v1::NoticeState& notice, bool zh) const {
  std::set<int> left_out;
  for (const Part& part : parts)
    if (!part.placeholder.empty() && Value(part.placeholder, notice, zh).empty()) left_out.insert(part.bracket);
  std::string text;
  for (const Part& part : parts) {
    if (left_out.count(part.bracket)) continue;
    text += part.words;
    if (!part.placeholder.empty()) text += Value(part.placeholder, notice, zh);
  }
  return text;
}

NoticeText NoticeWords::Say(const v1::NoticeState& notice) const {
  const auto found = templates_.find(notice.kind());
  if (found == templates_.end()) return {};
  return {.zh = Fill(found->second.zh, notice, true), .en = Fill(found->second.en, notice, false)};
}

std::optional<int64_t> NoticeWords::NotBefore(v1::NoticeKind kind, int64_t now_ms) const {
  const auto found = templates_.find(kind);
  if (!quiet_ || (found != templates_.end() && found->second.urgent)) return std::nullopt;
  return QuietUntil(*quiet_, now_ms);
}

}  // namespace civicmesh::intake
