#include "services/media/looked_at.h"

#include <utility>

#include "absl/strings/match.h"
#include "civicmesh/media/v1/media_kept.pb.h"
#include "civicmesh/media/v1/media_service.pb.h"

namespace civicmesh::media {
namespace {

Refusal Because(Refused refused, bool picture) {
  switch (refused) {
    case Refused::kNotAPicture:
    case Refused::kNotAVoice:
    case Refused::kDeclaredOtherwise:
      return Refuse(picture ? v1::REASON_NOT_A_PICTURE : v1::REASON_NOT_A_RECORDING, "content_type");
    case Refused::kTooLarge:
      return Refuse(v1::REASON_TOO_LARGE, "name");
    case Refused::kTooSmall:
      return Refuse(v1::REASON_TOO_SMALL, "name");
    case Refused::kBroken:
    case Refused::kTooExpensive:
      return Refuse(v1::REASON_BROKEN, "name");
  }
  return Refuse(v1::REASON_BROKEN, "name");
}

Decoded KeptOf(Picture picture) {
  Decoded decoded{.facts = std::make_shared<v1::Facts>()};
  auto& facts = *decoded.facts->mutable_attachment();
  facts.set_width_px(picture.width);
  facts.set_height_px(picture.height);
  facts.set_perceptual_hash(picture.perceptual_hash);
  if (picture.taken_at_place) {
    facts.mutable_taken_location()->set_latitude(picture.taken_at_place->latitude);
    facts.mutable_taken_location()->set_longitude(picture.taken_at_place->longitude);
  }
  decoded.parts = {{"photo.jpg", std::move(picture.photo_jpeg), "image/jpeg"},
                   {"thumbnail.jpg", std::move(picture.thumbnail_jpeg), "image/jpeg"}};
  return decoded;
}

Decoded KeptOf(Voice voice) {
  Decoded decoded{.facts = std::make_shared<v1::Facts>()};
  decoded.facts->set_voice(true);
  decoded.facts->mutable_attachment()->set_length_ms(absl::ToInt64Milliseconds(voice.length));
  decoded.parts = {{"voice.ogg", std::move(voice.ogg_opus), "audio/ogg"}};
  return decoded;
}

template <typename Made>
std::variant<Decoded, Refusal> Answer(std::variant<Made, Refused> made, bool picture) {
  if (auto* refused = std::get_if<Refused>(&made)) return Because(*refused, picture);
  return KeptOf(std::get<Made>(std::move(made)));
}

}  // namespace

absl::StatusOr<std::variant<Decoded, Refusal>> LookAt(const DecoderOptions& decoder, const std::string& file,
                                                      const std::string& content_type) {
  if (absl::StartsWith(content_type, "image/")) {
    auto picture = DecodePicture(decoder, file, content_type);
    if (!picture.ok()) return picture.status();
    return Answer<Picture>(*std::move(picture), true);
  }
  auto voice = DecodeVoice(decoder, file, content_type);
  if (!voice.ok()) return voice.status();
  return Answer<Voice>(*std::move(voice), false);
}

}  // namespace civicmesh::media
