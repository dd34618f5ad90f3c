#include "services/media/decode/answer.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace civicmesh::media {
namespace {

using nlohmann::json;

constexpr size_t kLongestLine = 4096;
constexpr Refused kAllRefused[] = {Refused::kNotAPicture, Refused::kNotAVoice, Refused::kDeclaredOtherwise,
                                   Refused::kTooLarge,    Refused::kTooSmall,  Refused::kBroken,
                                   Refused::kTooExpensive};

std::string Framed(json facts, std::initializer_list<std::string_view> parts) {
  std::string bytes;
  facts["parts"] = json::array();
  for (const std::string_view part : parts) {
    facts["parts"].push_back(part.size());
    bytes.append(part);
  }
  return absl::StrCat(facts.dump(), "\n", bytes);
}

std::string Framed(Refused refused) { return Framed({{"refused", Name(refused)}}, {}); }

struct Answer {
  json facts;
  std::vector<std::string> parts;
};

std::optional<Answer> Unframed(std::string_view answer) {
  const size_t line = answer.substr(0, kLongestLine).find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  Answer read{.facts = json::parse(answer.substr(0, line), nullptr, false)};
  answer.remove_prefix(line + 1);
  for (const json& part : read.facts.at("parts")) {
    const auto size = part.get<size_t>();
    if (size > answer.size()) return std::nullopt;
    read.parts.emplace_back(answer.substr(0, size));
    answer.remove_prefix(size);
  }
  if (!answer.empty()) return std::nullopt;
  return read;
}

std::optional<Refused> RefusedIn(const json& facts) {
  for (const Refused refused : kAllRefused)
    if (facts.value("refused", "") == Name(refused)) return refused;
  return std::nullopt;
}

std::optional<std::variant<Picture, Refused>> Read(Answer answer, Picture picture) {
  if (answer.parts.size() != 2) return std::nullopt;
  picture.photo_jpeg = std::move(answer.parts[0]);
  picture.thumbnail_jpeg = std::move(answer.parts[1]);
  picture.width = answer.facts.at("width").get<int>();
  picture.height = answer.facts.at("height").get<int>();
  picture.perceptual_hash = answer.facts.at("hash").get<uint64_t>();
  if (picture.width <= 0 || picture.height <= 0) return std::nullopt;
  if (answer.facts.contains("place")) {
    const Picture::Place place{answer.facts["place"].at(0).get<double>(), answer.facts["place"].at(1).get<double>()};
    if (!(std::abs(place.latitude) <= 90 && std::abs(place.longitude) <= 180)) return std::nullopt;
    picture.taken_at_place = place;
  }
  if (answer.facts.contains("taken_at")) {
    absl::CivilSecond at;
    if (!absl::ParseCivilTime(answer.facts["taken_at"].get<std::string>(), &at)) return std::nullopt;
    picture.taken_at = at;
  }
  return picture;
}

std::optional<std::variant<Voice, Refused>> Read(Answer answer, Voice voice) {
  if (answer.parts.size() != 1) return std::nullopt;
  voice.ogg_opus = std::move(answer.parts[0]);
  voice.length = absl::Milliseconds(answer.facts.at("milliseconds").get<int64_t>());
  if (voice.length <= absl::ZeroDuration()) return std::nullopt;
  return voice;
}

template <typename Kind>
std::optional<std::variant<Kind, Refused>> ReadAnswer(std::string_view answer) {
  try {
    std::optional<Answer> read = Unframed(answer);
    if (!read) return std::nullopt;
    if (const auto refused = RefusedIn(read->facts)) return *refused;
    return Read(*std::move(read), Kind{});
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string Write(const std::variant<Picture, Refused>& decoded) {
  if (const auto* refused = std::get_if<Refused>(&decoded)) return Framed(*refused);
  const auto& picture = std::get<Picture>(decoded);
  json facts{{"width", picture.width}, {"height", picture.height}, {"hash", picture.perceptual_hash}};
  if (const auto& place = picture.taken_at_place) facts["place"] = {place->latitude, place->longitude};
  if (picture.taken_at) facts["taken_at"] = absl::FormatCivilTime(*picture.taken_at);
  return Framed(std::move(facts), {picture.photo_jpeg, picture.thumbnail_jpeg});
}

std::string Write(const std::variant<Voice, Refused>& decoded) {
  if (const auto* refused = std::get_if<Refused>(&decoded)) return Framed(*refused);
  const auto& voice = std::get<Voice>(decoded);
  return Framed({{"milliseconds", absl::ToInt64Milliseconds(voice.length)}}, {voice.ogg_opus});
}

std::optional<std::variant<Picture, Refused>> ReadPicture(std::string_view answer) {
  return ReadAnswer<Picture>(answer);
}

std::optional<std::variant<Voice, Refused>> ReadVoice(std::string_view answer) { return ReadAnswer<Voice>(answer); }

}  // namespace civicmesh::media
