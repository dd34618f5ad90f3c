#include "services/webhooks/subscriptions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runtime/journal/event_id.h"

namespace civicmesh::webhooks {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxId = 40;
const std::set<std::string>& KnownFields() {
  static const auto* fields =
      new std::set<std::string>{"id", "url", "secret_file", "events", "units", "paused", "replay"};
  return *fields;
}

absl::Status Wrong(const std::string& id, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("subscription ", id.empty() ? "without an id" : id, ": ",
                                                 absl::string_view(what.data(), what.size())));
}

bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

// What goes over a network is encrypted.
bool IsUrl(const std::string& url) {
  for (const char* start : {"https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:"})
    if (url.rfind(start, 0) == 0 && url.size() > std::string_view(start).size()) return true;
  return false;
}

std::string TextOf(const Json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

bool TextsOf(const Json& json, const char* field, std::set<std::string>* texts) {
  const auto found = json.find(field);
  if (found == json.end()) return true;
  if (!found->is_array()) return false;
  for (const Json& one : *found) {
    if (!one.is_string() || one.get<std::string>().empty()) return false;
    texts->insert(one.get<std::string>());
  }
  return true;
}

// "civicmesh.dispatch.v1.CaseClosed" to "dispatch"; empty for what is none of ours.
std::string DomainOf(const std::string& type) {
  const std::vector<std::string> parts = absl::StrSplit(type, '.');
  return parts.size() == 4 && parts[0] == "civicmesh" ? parts[1] : "";
}

absl::Status ReadReplay(const Json& json, Subscription* one) {
  const auto found = json.find("replay");
  if (found == json.end()) return absl::OkStatus();
  Replay replay{.name = TextOf(*found, "name"), .from = {}};
  const std::string from = TextOf(*found, "from");
  if (replay.name.empty()) return Wrong(one->id, "replay needs a name; each is carried out once");
  if (ParseEventId(from)) {
    replay.from.id = from;
  } else if (!absl::ParseTime(absl::RFC3339_full, from, &replay.from.time, nullptr)) {
    return Wrong(one->id, "replay.from is an event's id, as dispatch/3/120/0, or a time (RFC 3339)");
  }
  one->replay = std::move(replay);
  return absl::OkStatus();
}

absl::StatusOr<Subscription> ParseOne(const Json& json) {
  Subscription one;
  if (!json.is_object()) return Wrong("", "is no object");
  one.id = TextOf(json, "id");
  if (!IsId(one.id)) return Wrong(one.id, "id is 1 to 40 of a-z 0-9 -");
  for (const auto& [name, value] : json.items())
    if (!KnownFields().contains(name)) return Wrong(one.id, absl::StrCat("there is no field ", name));
  one.url = TextOf(json, "url");
  if (!IsUrl(one.url)) return Wrong(one.id, "url is https://…; http only to this machine");
  one.secret_file = TextOf(json, "secret_file");
  if (one.secret_file.empty()) return Wrong(one.id, "secret_file is missing");
  if (!TextsOf(json, "events", &one.types) || one.types.empty())
    return Wrong(one.id, "events are names, as civicmesh.dispatch.v1.CaseClosed, at least one");
  for (const std::string& type : one.types)
    if (DomainOf(type).empty()) return Wrong(one.id, absl::StrCat(type, " is no event of ours"));
  if (!TextsOf(json, "units", &one.units)) return Wrong(one.id, "units are names");
  if (const auto paused = json.find("paused"); paused != json.end()) {
    if (!paused->is_boolean()) return Wrong(one.id, "paused is true or false");
    one.paused = paused->get<bool>();
  }
  if (auto read = ReadReplay(json, &one); !read.ok()) return read;
  return one;
}

}  // namespace

std::set<std::string> Subscription::domains() const {
  std::set<std::string> all;
  for (const std::string& type : types) all.insert(DomainOf(type));
  return all;
}

absl::StatusOr<std::vector<Subscription>> ParseSubscriptions(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("subscriptions") || !json["subscriptions"].is_array())
    return absl::InvalidArgumentError("the file is no JSON object with a list \"subscriptions\"");
  std::vector<Subscription> all;
  for (const Json& each : json["subscriptions"]) {
    auto one = ParseOne(each);
    if (!one.ok()) return one.status();
    const bool twice = std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.id == one->id; });
    if (twice) return Wrong(one->id, "stands there twice");
    all.push_back(*std::move(one));
  }
  return all;
}

}  // namespace civicmesh::webhooks
