#include "services/intake/open311/settings.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "nlohmann/json.hpp"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/log.h"

namespace civicmesh::intake::open311 {
namespace {

using Json = nlohmann::json;

std::string TextOf(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Member(const Json& of, const char* name, const std::string& otherwise = "") {
  const auto it = of.find(name);
  return it != of.end() && it->is_string() ? it->get<std::string>() : otherwise;
}

bool IsDigest(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(c); });
}

}  // namespace

absl::StatusOr<Settings> Settings::Parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return absl::InvalidArgumentError("the settings of Open311 are no JSON object");
  Settings out{.url = Member(json, "url"),
               .type = Member(json, "type", "test"),
               .changeset = Member(json, "changeset"),
               .contact = Member(json, "contact"),
               .key_service = Member(json, "key_service"),
               .jurisdiction_id = Member(json, "jurisdiction_id"),
               .clients = {}};
  if (out.type != "test" && out.type != "production")
    return absl::InvalidArgumentError("type is neither test nor production");
  for (const Json& client : json.value("clients", Json::array())) {
    const std::string subject = Member(client, "subject"), digest = Member(client, "sha256");
    if (subject.empty() || !IsDigest(digest) ||
        !out.clients.emplace(absl::HexStringToBytes(digest), Client{subject, client.value("reads_own", Json()) == true})
             .second)
      return absl::InvalidArgumentError("a client without subject or sha256, or a key of two clients");
  }
  return out;
}

Client Settings::ClientOf(const std::string& api_key) const {
  const auto it = api_key.empty() ? clients.end() : clients.find(Sha256(api_key));
  return it == clients.end() ? Client() : it->second;
}

bool Settings::IsHere(const std::string& jurisdiction) const {
  return jurisdiction.empty() || jurisdiction_id.empty() || jurisdiction == jurisdiction_id;
}

absl::StatusOr<std::unique_ptr<SettingsFile>> SettingsFile::FromEnvironment() {
  const char* path = std::getenv("CIVICMESH_OPEN311");
  return Open(path ? path : "");
}

absl::StatusOr<std::unique_ptr<SettingsFile>> SettingsFile::Open(const std::string& path) {
  if (path.empty()) return std::make_unique<SettingsFile>(Settings(), "", nullptr);
  std::string text = TextOf(path);
  auto settings = Settings::Parse(text);
  if (!settings.ok()) return settings.status();
  return std::make_unique<SettingsFile>(*std::move(settings), std::move(text), [path] { return TextOf(path); });
}

SettingsFile::SettingsFile(Settings settings, std::string text, Read read)
    : read_(std::move(read)),
      settings_(std::make_shared<const Settings>(std::move(settings))),
      text_(std::move(text)) {}

std::shared_ptr<const Settings> SettingsFile::Now(int64_t steady_ms) {
  absl::MutexLock lock(&mutex_);
  if (!read_ || steady_ms - looked_ms_ < kEveryMs) return settings_;
  looked_ms_ = steady_ms;
  std::string text = read_();
  if (text == text_) return settings_;
  text_ = std::move(text);
  if (auto changed = Settings::Parse(text_); changed.ok())
    settings_ = std::make_shared<const Settings>(*std::move(changed));
  else
    Log(Severity::kError, "the settings of Open311 are unusable; those before go on to hold",
        {{"why", std::string(changed.status().message())}});
  return settings_;
}

}  // namespace civicmesh::intake::open311
