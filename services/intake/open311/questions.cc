#include "services/intake/open311/questions.h"

#include <algorithm>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "civicmesh/intake/v1/open311_service.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/runtime/personal/utf8.h"

namespace civicmesh::intake::open311 {
namespace {

constexpr size_t kMaxPlace = 200;  // characters, as of a report's place_text
constexpr size_t kMaxUrl = 2000;
constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;

const reference::v1::MinorClass* FindClass(const reference::v1::Standard& standard, const std::string& code) {
  for (const auto& minor : standard.classes())
    if (minor.code() == code) return &minor;
  return nullptr;
}

// "attribute[place]" and "attribute[place][]" are "place"; nullopt for what is no attribute.
std::optional<std::string> AttributeOf(const std::string& field) {
  if (!absl::StartsWith(field, "attribute[")) return std::nullopt;
  const size_t end = field.find(']');
  if (end == std::string::npos) return "";
  const std::string rest = field.substr(end + 1);
  return rest.empty() || rest == "[]" ? field.substr(10, end - 10) : "";
}

// An address that others may open: no other scheme, nothing hidden in it.
bool IsWebAddress(const std::string& url) {
  if (!absl::StartsWithIgnoreCase(url, "https://") && !absl::StartsWithIgnoreCase(url, "http://")) return false;
  const size_t host = url.find("://") + 3;
  const std::string authority = url.substr(host, url.find_first_of("/?#", host) - host);
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F && c != '\\'; });
  return printable && !authority.empty() && authority.find('@') == std::string::npos && url.size() <= kMaxUrl;
}

class PostReader {
 public:
  PostReader(const Form& form, const reference::v1::Standard& standard, Problems* problems)
      : form_(form), standard_(standard), problems_(problems) {}

  std::optional<Posted> Read() {
    const size_t before = problems_->size();
    ReadService();
    ReadAttributes();
    ReadPlace();
    ReadText();
    ReadContact();
    if (problems_->size() > before) return std::nullopt;
    out_.report.set_source(type::v1::REPORT_SOURCE_CITIZEN_APP);
    return std::move(out_);
  }

 private:
  void Wrong(std::string text, int code = 400) { problems_->push_back({code, std::move(text)}); }

  void ReadService() {
    const std::string code = ValueOf(form_, "service_code");
    if (code.empty()) return Wrong("缺少 service_code。service_code was not provided.");
    if (code == kOther) return;
    minor_ = FindClass(standard_, code);
    if (!minor_) return Wrong("没有这个 service_code。service_code was not found.", 404);
    out_.class_code = code;
  }

  void ReadAttributes() {
    for (const auto& [field, value] : form_) {
      const auto code = AttributeOf(field);
      const std::string text(Trim(value));
      if (!code || text.empty()) continue;
      if (*code == kPlace)
        place_ = text;
      else if (*code == kCondition && minor_)
        ReadCondition(text);
      else
        Wrong("该服务没有这个 attribute，见服务定义。The service has no such attribute; see its definition.");
    }
  }

  void ReadCondition(const std::string& id) {
    const auto& all = minor_->conditions();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.id() == id; });
    if (found == all.end())
      return Wrong(
          "attribute[condition] 不在服务定义的选项中。attribute[condition] is none of the values in the definition.");
    condition_ = found->text_zh();
  }

  void ReadPlace() {
    const std::string lat = ValueOf(form_, "lat"), lon = ValueOf(form_, "long");
    const std::string address = ValueOf(form_, "address_string"), id = ValueOf(form_, "address_id");
    if (lat.empty() && lon.empty() && address.empty() && id.empty())
      return Wrong(
          "缺少位置：请提供 lat 和 long，或 address_string，或 address_id。"
          "A location was not provided: lat and long, or address_string, or address_id.");
    if (!lat.empty() || !lon.empty()) ReadPoint(lat, lon);
    // There is no register of addresses to look an id up in: staff read it.
    std::vector<std::string> parts;
    for (const std::string& part :
         {address, place_, address.empty() && !id.empty() ? absl::StrCat("address_id ", id) : ""})
      if (!part.empty()) parts.push_back(part);
    std::string text;
    for (const std::string& part : parts) absl::StrAppend(&text, text.empty() ? "" : "；", part);
    if (CountCharacters(text) > kMaxPlace)
      return Wrong(
          absl::StrCat("位置文字超过 ", kMaxPlace, " 字。The address is longer than ", kMaxPlace, " characters."));
    out_.report.set_place_text(text);
  }

  void ReadPoint(const std::string& lat, const std::string& lon) {
    double latitude = 0, longitude = 0;
    const bool numbers = absl::SimpleAtod(lat, &latitude) && absl::SimpleAtod(lon, &longitude);
    if (!numbers || !(std::abs(latitude) <= 90) || !(std::abs(longitude) <= 180))
      return Wrong(
          "lat 和 long 必须同时提供，且为 WGS84 经纬度。lat and long must both be provided, in degrees (WGS84).");
    out_.report.mutable_location()->set_latitude(latitude);
    out_.report.mutable_location()->set_longitude(longitude);
  }

  void ReadText() {
    std::string text = ValueOf(form_, "description");
    if (text.empty()) text = minor_ ? minor_->name_zh() : "";
    if (text.empty()) return Wrong("缺少 description。description was not provided.");
    if (!condition_.empty()) absl::StrAppend(&text, "\n情形：", condition_);
    if (const std::string url = ValueOf(form_, "media_url"); !url.empty()) {
      if (!IsWebAddress(url)) return Wrong("media_url 必须是 http(s) 网址。media_url is no http(s) address.");
      absl::StrAppend(&text, "\n图片链接：", url);
    }
    if (CountCharacters(text) > kMaxDescription)
      return Wrong(absl::StrCat("description 超过 ", kMaxDescription, " 字。description is longer than ",
                                kMaxDescription, " characters."));
    out_.report.set_text(text);
  }

  // For staff who are granted it, sealed. What an app says of the device and the account is of no use to anybody here.
  void ReadContact() {
    v1::Contact contact;
    contact.set_name(std::string(Trim(absl::StrCat(ValueOf(form_, "first_name"), " ", ValueOf(form_, "last_name")))));
    contact.set_phone(ValueOf(form_, "phone"));
    contact.set_email(ValueOf(form_, "email"));
    if (!contact.name().empty() || !contact.phone().empty() || !contact.email().empty())
      *out_.report.mutable_contact() = std::move(contact);
  }

  const Form& form_;
  const reference::v1::Standard& standard_;
  Problems* const problems_;
  const reference::v1::MinorClass* minor_ = nullptr;
  std::string place_, condition_;
  Posted out_;
};

std::vector<std::string> Split(const google::protobuf::RepeatedPtrField<std::string>& lists) {
  std::vector<std::string> out;
  for (const std::string& list : lists)
    for (absl::string_view one : absl::StrSplit(list, ','))
      if (auto text = Trim({one.data(), one.size()}); !text.empty()) out.emplace_back(text);
  return out;
}

// Nullopt: none was given, or a wrong one. A "+" that was not escaped has become a space on its way.
std::optional<int64_t> ReadTime(const char* name, const std::string& text, Problems* problems) {
  if (Trim(text).empty()) return std::nullopt;
  absl::Time time;
  const std::string plus = absl::StrReplaceAll(std::string(Trim(text)), {{" ", "+"}});
  if (absl::ParseTime(absl::RFC3339_full, plus, &time, nullptr) && absl::ToUnixMillis(time) >= 0)
    return absl::ToUnixMillis(time);
  problems->push_back({400, absl::StrCat(name, " 不是 W3C 时间，如 2026-01-01T00:00:00Z。", name,
                                         " is no time as 2026-01-01T00:00:00Z.")});
  return std::nullopt;
}

void ReadSpan(const v1::ListServiceRequestsRequest& asked, int64_t now_ms, Filter* filter, Problems* problems) {
  constexpr int64_t kSpan = kMaxSpanDays * kDayMs;
  const auto start = ReadTime("start_date", asked.start_date(), problems);
  const auto end = ReadTime("end_date", asked.end_date(), problems);
  filter->from_ms = std::max<int64_t>(start ? *start : (end ? *end : now_ms) - kSpan, 0);
  filter->to_ms = end ? *end + 1 : start ? *start + kSpan + 1 : 0;
  if (start && end && (*end < *start || *end - *start > kSpan))
    problems->push_back(
        {400, "start_date 与 end_date 的间隔不能超过 90 天。start_date and end_date may span 90 days at most."});
}

}  // namespace

std::optional<Posted> ReadPost(const Form& form, const reference::v1::Standard& standard, Problems* problems) {
  return PostReader(form, standard, problems).Read();
}

std::optional<Filter> ReadFilter(const v1::ListServiceRequestsRequest& asked, int64_t now_ms, Problems* problems) {
  const size_t before = problems->size();
  Filter filter;
  filter.ids = Split(asked.service_request_id());
  if (filter.ids.size() > kMaxIds)
    problems->push_back({400, absl::StrCat("service_request_id 一次最多 ", kMaxIds, " 个。At most ", kMaxIds,
                                           " service_request_id at once.")});
  if (!filter.ids.empty()) return problems->size() > before ? std::nullopt : std::optional(filter);
  filter.services = Split(asked.service_code());
  if (const auto statuses = Split(asked.status()); !statuses.empty()) {
    filter.open = absl::c_linear_search(statuses, "open");
    filter.closed = absl::c_linear_search(statuses, "closed");
    if (!std::all_of(statuses.begin(), statuses.end(), [](const auto& s) { return s == "open" || s == "closed"; }))
      problems->push_back({400, "status 只能是 open 或 closed。status is neither open nor closed."});
  }
  ReadSpan(asked, now_ms, &filter, problems);
  if (asked.page_size() < 0 || asked.page_size() > kMaxListed)
    problems->push_back({400, absl::StrCat("page_size 为 1 到 ", kMaxListed, "。page_size is 1 to ", kMaxListed, ".")});
  else if (asked.page_size() > 0)
    filter.page_size = asked.page_size();
  return problems->size() > before ? std::nullopt : std::optional(filter);
}

}  // namespace civicmesh::intake::open311
