#include "services/intake/open311/answers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "nlohmann/json.hpp"
#include "services/intake/open311/settings.h"

namespace civicmesh::intake::open311 {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxKeywords = 10;
constexpr char kOtherName[] = "其他（由系统判断类别）";

std::string Time(int64_t ms) {
  static const absl::TimeZone shanghai = absl::FixedTimeZone(8 * 60 * 60);
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", absl::FromUnixMillis(ms), shanghai);
}

Json OrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json Service(const std::string& code, const std::string& name, const std::string& group, const std::string& keywords) {
  return {{"service_code", code}, {"service_name", name},         {"description", OrNull(name)}, {"metadata", true},
          {"type", "realtime"},   {"keywords", OrNull(keywords)}, {"group", OrNull(group)}};
}

// What people call it, the weightiest first.
std::string KeywordsOf(const reference::v1::MinorClass& minor) {
  std::vector<const reference::v1::Keyword*> sorted;
  for (const auto& keyword : minor.keywords()) sorted.push_back(&keyword);
  std::stable_sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->weight() > b->weight(); });
  std::vector<std::string> words;
  if (!minor.name_en().empty()) words.push_back(minor.name_en());
  for (const auto* keyword : sorted)
    if (static_cast<int>(words.size()) < kMaxKeywords) words.push_back(keyword->text());
  return absl::StrJoin(words, ", ");
}

Json Attribute(const char* code, const char* datatype, int order, const char* description, const Json& values) {
  Json out{{"variable", true},
           {"code", code},
           {"datatype", datatype},
           {"required", false},
           {"datatype_description", nullptr},
           {"order", order},
           {"description", description}};
  if (!values.empty()) out["values"] = values;
  return out;
}

Json DefinitionOf(const std::string& code, const reference::v1::MinorClass* minor) {
  Json conditions = Json::array();
  if (minor)
    for (const auto& condition : minor->conditions())
      conditions.push_back({{"key", condition.id()}, {"name", condition.text_zh()}});
  Json attributes = Json::array();
  attributes.push_back(Attribute(kPlace, "string", 1, "位置补充说明，如路名、门牌、参照物（200 字以内）", Json()));
  if (!conditions.empty())
    attributes.push_back(Attribute(kCondition, "singlevaluelist", 2, "属于哪种情形", conditions));
  return {{"service_code", code}, {"attributes", attributes}};
}

}  // namespace

std::string ErrorsDocument(Format format, const Problems& problems) {
  Json list = Json::array();
  for (const Problem& problem : problems) list.push_back({{"code", problem.code}, {"description", problem.text}});
  return Render(format, "errors", list);
}

std::string DiscoveryDocument(Format format, const Settings& settings, const std::string& standard_version) {
  const Json endpoint{{"specification", "http://wiki.open311.org/GeoReport_v2"},
                      {"url", settings.url},
                      {"changeset", standard_version},
                      {"type", settings.type},
                      {"formats", {"text/xml", "application/json"}}};
  return Render(format, "discovery",
                {{"changeset", settings.changeset},
                 {"contact", settings.contact},
                 {"key_service", settings.key_service},
                 {"endpoints", Json::array({endpoint})}});
}

std::string ServicesDocument(Format format, const reference::v1::Standard& standard) {
  Json list = Json::array();
  for (const auto& minor : standard.classes())
    list.push_back(Service(minor.code(), minor.name_zh(), minor.major_zh(), KeywordsOf(minor)));
  list.push_back(Service(kOther, kOtherName, "其他", "other"));
  return Render(format, "services", list);
}

std::optional<std::string> DefinitionDocument(Format format, const reference::v1::Standard& standard,
                                              const std::string& service_code) {
  const auto found = std::find_if(standard.classes().begin(), standard.classes().end(),
                                  [&](const auto& minor) { return minor.code() == service_code; });
  const bool known = found != standard.classes().end();
  if (!known && service_code != kOther) return std::nullopt;
  return Render(format, "service_definition", DefinitionOf(service_code, known ? &*found : nullptr));
}

std::string RequestsDocument(Format format, const std::vector<Request>& requests) {
  Json list = Json::array();
  for (const Request& r : requests) {
    const bool other = r.service_code.empty();
    list.push_back({{"service_request_id", r.id},
                    {"status", r.open ? "open" : "closed"},
                    {"status_notes", OrNull(r.status_notes)},
                    {"service_name", other ? std::string(kOtherName) : r.service_name},
                    {"service_code", other ? std::string(kOther) : r.service_code},
                    {"description", r.description ? Json(*r.description) : Json()},
                    {"agency_responsible", nullptr},
                    {"service_notice", nullptr},
                    {"requested_datetime", Time(r.requested_ms)},
                    {"updated_datetime", Time(r.updated_ms)},
                    {"expected_datetime", r.expected_ms ? Json(Time(*r.expected_ms)) : Json()},
                    {"address", nullptr},
                    {"address_id", nullptr},
                    {"zipcode", nullptr},
                    {"lat", r.place ? Json(r.place->first) : Json()},
                    {"long", r.place ? Json(r.place->second) : Json()},
                    {"media_url", nullptr}});
  }
  return Render(format, "service_requests", list);
}

std::string PostedDocument(Format format, const std::string& id, const std::string& token) {
  const char* notice = "已收到，可凭编号查询办理进展。Received; its id tells what becomes of it.";
  const Json what = id.empty() ? Json{{"token", token}} : Json{{"service_request_id", id}};
  Json request = what;
  request["service_notice"] = notice;
  request["account_id"] = nullptr;
  return Render(format, "service_requests", Json::array({request}));
}

std::string TokenDocument(Format format, const std::string& id, const std::string& token) {
  return Render(format, "service_requests", Json::array({{{"service_request_id", OrNull(id)}, {"token", token}}}));
}

}  // namespace civicmesh::intake::open311
