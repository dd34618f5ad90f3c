#include "services/media/transcriber.h"

#include <nlohmann/json.hpp>

#include "services/runtime/base/log.h"

namespace civicmesh::media {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr size_t kMaxAnswer = 64 << 10;
constexpr int kMaxCharacters = 4000;

// The first so many characters of UTF-8.
std::string Shortened(const std::string& text) {
  int characters = 0;
  for (size_t at = 0; at < text.size(); ++at)
    if ((text[at] & 0xc0) != 0x80 && ++characters > kMaxCharacters) return text.substr(0, at);
  return text;
}

}  // namespace

std::string Transcribe(Http& http, const std::string& url, const std::string& voice) {
  const auto answer = http.Send({.method = "POST",
                                 .url = url,
                                 .headers = {"content-type: audio/ogg"},
                                 .body = voice,
                                 .max_answer_bytes = kMaxAnswer,
                                 .wait = kPatience});
  if (answer.ok() && answer->status == 200) {
    const auto json = nlohmann::json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.contains("text") && json["text"].is_string())
      return Shortened(json["text"].get<std::string>());
  }
  Log(Severity::kWarning, "a recording has no transcript",
      {{"why", answer.ok() ? "the adapter answered something else" : std::string(answer.status().message())},
       {"status", static_cast<int64_t>(answer.ok() ? answer->status : 0)}});
  return "";
}

}  // namespace civicmesh::media
