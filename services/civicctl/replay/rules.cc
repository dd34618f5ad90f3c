#include "services/civicctl/replay/rules.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace civicmesh::civicctl {
namespace {

using dispatch::v1::Rating;

constexpr double kLeastShare = 0.15, kMostShare = 0.85, kLeastLate = 1.05, kMostLate = 1.5;
constexpr int kFirstCall = 9 * 60, kLastCall = 17 * 60;  // minutes of the day
constexpr int kMostDays = 4;
// Of a hundred, from very satisfied to very dissatisfied.
constexpr int kContent[5] = {45, 38, 12, 4, 1}, kAnnoyed[5] = {10, 25, 30, 25, 10};

std::string Key(std::string_view id, std::string_view what, int round) {
  return absl::StrCat(absl::string_view(id.data(), id.size()), "/", absl::string_view(what.data(), what.size()), "/",
                      round);
}

std::string InWords(const Span& span) {
  std::string words = absl::StrCat(span.what, ": ", span.least, "-", span.most, " min");
  if (span.slow_in_100 > 0)
    absl::StrAppend(&words, "; ", span.slow_in_100, " of 100 take ", span.slow_least, "-", span.slow_most);
  return words;
}

}  // namespace

absl::Duration Rules::After(const Span& span, std::string_view id, int round) const {
  const std::string key = Key(id, span.what, round);
  const bool slow = dice_.Chance(absl::StrCat(key, "/slow"), span.slow_in_100 / 100.0);
  return slow ? dice_.Minutes(key, span.slow_least, span.slow_most) : dice_.Minutes(key, span.least, span.most);
}

bool Rules::Happens(const char* what, int in_100, std::string_view id, int round) const {
  return dice_.Chance(Key(id, what, round), in_100 / 100.0);
}

int Rules::Choose(const char* what, std::string_view id, size_t count) const {
  return dice_.Pick(Key(id, what, 0), count);
}

double Rules::ShareOfLimit(std::string_view id) const {
  const double roll = dice_.Roll(Key(id, "share", 0));
  if (Happens("late", kLateIn100, id)) return kLeastLate + (kMostLate - kLeastLate) * roll;
  return kLeastShare + (kMostShare - kLeastShare) * roll;
}

absl::Time Rules::RevisitAt(absl::Time closed, std::string_view id) const {
  const absl::TimeZone zone = absl::FixedTimeZone(8 * 60 * 60);
  const absl::CivilDay day = absl::ToCivilDay(closed, zone) + 1 + dice_.Pick(Key(id, "revisit day", 0), kMostDays);
  return absl::FromCivil(day, zone) + dice_.Minutes(Key(id, "revisit", 0), kFirstCall, kLastCall);
}

Rating Rules::RatingOf(std::string_view id, bool late, bool reworked) const {
  const int* shares = late || reworked ? kAnnoyed : kContent;
  int left = dice_.Pick(Key(id, "rating", 0), 100);
  for (int grade = 0; grade < 5; left -= shares[grade++])
    if (left < shares[grade]) return static_cast<Rating>(grade + 1);
  return dispatch::v1::RATING_VERY_DISSATISFIED;
}

std::vector<std::string> Rules::Describe() {
  std::vector<std::string> lines;
  for (const Span& span : {kLocate, kReview, kAccept, kRegister, kVerify, kDispatch, kSign, kSignUrgent, kReturn,
                           kJudge, kStart, kStartUrgent, kInspect, kRework, kConfirm})
    lines.push_back(InWords(span));
  lines.push_back(
      "小类 class: the input's, where it names one; else the proposed one, else the runner-up, else E0699 "
      "其他城市管理诉求");
  lines.push_back("立案条件 condition: a seeded choice among the class's");
  lines.push_back(
      "不予立案 declined: places outside the district, what is no matter for the city (with where to turn to), "
      "and what was not there");
  lines.push_back(absl::StrCat("核实 verified first: ", kVerifiedIn100, " of 100 citizens' reports without a photo; ",
                               kNotThereIn100, " of 100 of them turn out not to be there"));
  lines.push_back(absl::StrCat("退单 returned with an entry of the duty list: ", kReturnedIn100, " of 100; ",
                               kWrongfulIn100,
                               " of 100 returns are judged wrongful, else the cited unit gets the case"));
  lines.push_back(absl::StrCat("处置 feedback after 15-85 % of the limit, as the calendar counts it; ", kLateIn100,
                               " of 100 after 105-150 %"));
  lines.push_back(absl::StrCat("返工 rework: ", kReworkedIn100[0], " of 100 first inspections fail, ",
                               kReworkedIn100[1], " of 100 second ones"));
  lines.push_back(absl::StrCat("回访 revisit by the hotline, 1-", kMostDays,
                               " days after closing, 9-17 o'clock: ", kReachedIn100,
                               " of 100 citizens are reached; 95 of 100 content where it was done in "
                               "time and at once, else 65"));
  lines.push_back(absl::StrCat("兑换 at the end ", kRedeemIn100,
                               " of 100 citizens who earned redeem something that they can pay; where at most ",
                               kScarce, " of an item are left, ", kTooMany,
                               " more want one than there are, all at once"));
  return lines;
}

}  // namespace civicmesh::civicctl
