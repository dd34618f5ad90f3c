#include "services/runtime/personal/personal_numbers.h"

#include <algorithm>
#include <optional>
#include <string>

#include "services/runtime/personal/utf8.h"

namespace civicmesh {
namespace {

using Text = std::vector<Character>;

// Characters [begin, end) are of this kind.
struct Place {
  size_t begin, end;
  PersonalKind kind;
};

constexpr char32_t kIdeographicSpace = 0x3000;
// With 使 and 领 of embassies and consulates.
constexpr std::u32string_view kProvinces = U"京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领";
constexpr std::u32string_view kPlateEndings = U"学警港澳挂领试超";
constexpr std::u32string_view kPlateDots = U"·•.- ";
constexpr std::u32string_view kGroupBreaks = U" -.·—–_";
constexpr size_t kBankDigits = 16, kMostBankDigits = 19, kLeastGroup = 3;

bool IsDigit(char32_t c) { return c >= '0' && c <= '9'; }
bool IsLetter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlnum(char32_t c) { return IsDigit(c) || IsLetter(c); }
bool In(std::u32string_view set, char32_t c) { return set.find(c) != set.npos; }
bool IsBreak(std::u32string_view set, char32_t c) { return c == kIdeographicSpace || In(set, c); }

int Number(std::string_view digits) {
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool IsDay(std::string_view month_day) {
  const int month = Number(month_day.substr(0, 2)), day = Number(month_day.substr(2, 2));
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

bool IsCentury(std::string_view digits) { return digits == "19" || digits == "20"; }

// GB 11643. The region is not checked, nor the last digit: people mistype.
bool IsIdentityCard(std::string_view digits) {
  return digits.size() == 18 && IsCentury(digits.substr(6, 2)) && IsDay(digits.substr(10, 4));
}

// 15 digits are also the code of a grid: here the region has to be one.
bool IsOldIdentityCard(std::string_view digits) {
  return digits.size() == 15 && digits[0] >= '1' && digits[0] <= '6' && digits[1] >= '1' && digits[1] <= '5' &&
         IsDay(digits.substr(8, 4));
}

// 案卷号: the district, the day, and five digits.
bool IsCaseNumber(std::string_view digits) {
  return digits.size() == 19 && digits.substr(6, 2) == "20" && IsDay(digits.substr(10, 4));
}

bool IsMobile(std::string_view digits) {
  for (std::string_view prefix : {"0086", "86", "0"})
    if (digits.size() == 11 + prefix.size() && digits.substr(0, prefix.size()) == prefix) {
      digits.remove_prefix(prefix.size());
      break;
    }
  return digits.size() == 11 && digits[0] == '1' && digits[1] >= '3';
}

bool PassesLuhn(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int d = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
    sum += d;
  }
  return sum % 10 == 0;
}

// What a number is for sure; `digits` may end in X. `pieces`: written in groups of which one before the last has fewer
// than three digits, as dates have, and area codes and cards have not.
std::optional<PersonalKind> CertainKind(std::string_view digits, bool pieces) {
  if (IsIdentityCard(digits)) return PersonalKind::kIdentityCard;
  if (digits.empty() || digits.back() == 'X' || IsCaseNumber(digits)) return std::nullopt;
  if (IsMobile(digits)) return PersonalKind::kMobile;
  if (pieces) return std::nullopt;
  if (digits[0] == '0' && digits[1] != '0' && digits.size() >= 10 && digits.size() <= 12)
    return PersonalKind::kLandline;
  if (digits.size() >= kBankDigits && digits.size() <= kMostBankDigits && PassesLuhn(digits))
    return PersonalKind::kBankCard;
  return std::nullopt;
}

// What it may be besides.
std::optional<PersonalKind> PossibleKind(std::string_view digits, bool) {
  if (digits.empty() || digits.back() == 'X' || IsCaseNumber(digits)) return std::nullopt;
  if (IsOldIdentityCard(digits)) return PersonalKind::kOldIdentityCard;
  return digits.size() >= kBankDigits ? std::optional(PersonalKind::kLongNumber) : std::nullopt;
}

// Numbers written as one or several groups of digits. From each group on, the shortest run of groups that is a number
// of some kind is taken; a card number goes on as long as there are groups, up to 19 digits.
class Numbers {
 public:
  using Kind = std::optional<PersonalKind> (*)(std::string_view digits, bool pieces);

  explicit Numbers(const Text& text) : text_(text) { FindGroups(); }

  void Find(Kind kind_of, std::vector<Place>& out) const {
    for (size_t first = 0; first < groups_.size();) {
      size_t next = first + 1;
      std::string digits;
      bool pieces = false;
      std::optional<Place> place;
      for (size_t last = first; last < groups_.size(); ++last) {
        if (last > first && !groups_[last].joined) break;
        if (last > first) pieces |= groups_[last - 1].end - groups_[last - 1].begin < kLeastGroup;
        const std::string more = Digits(groups_[last]);
        if (last > first && digits.size() + more.size() > kMostBankDigits) break;
        digits += more;
        const auto kind = kind_of(digits, pieces);
        if (!kind) continue;
        place = Place{groups_[first].begin, groups_[last].end, *kind};
        next = last + 1;
        if (*kind != PersonalKind::kBankCard && *kind != PersonalKind::kLongNumber) break;
      }
      if (place) out.push_back(*place);
      first = next;
    }
  }

 private:
  struct Group {
    size_t begin, end;
    bool joined;  // with the group before, by a single break
  };

  void FindGroups() {
    for (size_t at = 0; at < text_.size();) {
      if (!IsDigit(text_[at].code)) {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < text_.size() && IsDigit(text_[end].code)) ++end;
      const bool joined = !groups_.empty() && groups_.back().end + 1 == at && IsBreak(kGroupBreaks, text_[at - 1].code);
      // The check digit of an identity card; not the first letter of a word.
      if (end < text_.size() && (text_[end].code == 'X' || text_[end].code == 'x') &&
          (end + 1 == text_.size() || !IsAlnum(text_[end + 1].code)))
        ++end;
      groups_.push_back({at, end, joined});
      at = end;
    }
  }

  std::string Digits(const Group& group) const {
    std::string digits;
    for (size_t i = group.begin; i < group.end; ++i)
      digits.push_back(IsDigit(text_[i].code) ? static_cast<char>(text_[i].code) : 'X');
    return digits;
  }

  const Text& text_;
  std::vector<Group> groups_;
};

// GA 36: province, letter, and five or six more of which one is a digit.
void FindPlates(const Text& text, std::vector<Place>& out) {
  for (size_t at = 0; at + 1 < text.size(); ++at) {
    if (!In(kProvinces, text[at].code) || !IsLetter(text[at + 1].code)) continue;
    size_t end = at + 2;
    if (end < text.size() && IsBreak(kPlateDots, text[end].code)) ++end;
    const size_t begin = end;
    bool digit = false;
    for (; end < text.size() && IsAlnum(text[end].code); ++end) digit |= IsDigit(text[end].code);
    const bool ending = end < text.size() && In(kPlateEndings, text[end].code);
    if (!digit || end - begin < (ending ? 4u : 5u)) continue;
    out.push_back({at, end + (ending ? 1 : 0), PersonalKind::kPlate});
  }
}

void FindEmails(const Text& text, std::vector<Place>& out) {
  const auto local = [](char32_t c) { return IsAlnum(c) || In(U"._%+-", c); };
  const auto domain = [](char32_t c) { return IsAlnum(c) || c == '.' || c == '-'; };
  for (size_t at = 1; at + 1 < text.size(); ++at) {
    if (text[at].code != '@') continue;
    size_t begin = at, end = at + 1;
    while (begin > 0 && local(text[begin - 1].code)) --begin;
    while (end < text.size() && domain(text[end].code)) ++end;
    while (end > at + 1 && !IsAlnum(text[end - 1].code)) --end;  // a full stop
    const bool dotted =
        std::any_of(text.begin() + at + 1, text.begin() + end, [](const auto& c) { return c.code == '.'; });
    if (begin < at && dotted) out.push_back({begin, end, PersonalKind::kEmail});
  }
}

}  // namespace

std::vector<PersonalPlace> FindPersonal(std::string_view text) {
  const Text characters = Characters(text);
  std::vector<Place> all;
  FindEmails(characters, all);
  FindPlates(characters, all);
  const Numbers numbers(characters);
  numbers.Find(CertainKind, all);
  numbers.Find(PossibleKind, all);
  // Of places that overlap the first one found stands: an address may hold a number, and what may be one long number a
  // number that is certain.
  std::vector<Place> kept;
  for (const Place& place : all)
    if (std::none_of(kept.begin(), kept.end(),
                     [&](const Place& k) { return place.begin < k.end && k.begin < place.end; }))
      kept.push_back(place);
  std::sort(kept.begin(), kept.end(), [](const Place& a, const Place& b) { return a.begin < b.begin; });
  std::vector<PersonalPlace> places;
  for (const Place& place : kept)
    places.push_back({characters[place.begin].begin, characters[place.end - 1].end, place.kind});
  return places;
}

bool HoldsPersonalNumber(std::string_view text) {
  const auto places = FindPersonal(text);
  return std::any_of(places.begin(), places.end(), [](const PersonalPlace& place) {
    return place.kind != PersonalKind::kLandline && place.kind != PersonalKind::kOldIdentityCard &&
           place.kind != PersonalKind::kLongNumber;
  });
}

bool LooksPersonal(std::string_view id) {
  const auto places = FindPersonal(id);
  return std::any_of(places.begin(), places.end(), [](const PersonalPlace& place) {
    return place.kind != PersonalKind::kBankCard && place.kind != PersonalKind::kLongNumber;
  });
}

}  // namespace civicmesh
