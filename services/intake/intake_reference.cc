#include "services/intake/intake_reference.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/intake/domain/notice_words.h"

namespace civicmesh::intake {
namespace {

template <typename T>
absl::StatusOr<T> Parse(std::string_view content) {
  T message;
  if (!message.ParseFromArray(content.data(), static_cast<int>(content.size())))
    return absl::InvalidArgumentError("reference data does not parse");
  return message;
}

absl::StatusOr<std::shared_ptr<const void>> ParseStandard(std::string_view content) {
  auto message = Parse<reference::v1::Standard>(content);
  if (!message.ok()) return message.status();
  if (message->classes().empty()) return absl::InvalidArgumentError("a standard without classes");
  auto standard = std::make_shared<IntakeStandard>(*message);
  for (const auto& minor : message->classes())
    if (minor.code().empty() || standard->Find(minor.code())->name_zh != minor.name_zh())
      return absl::InvalidArgumentError(absl::StrCat("minor class ", minor.code(), " has no code, or stands twice"));
  return standard;
}

absl::StatusOr<std::shared_ptr<const void>> ParseDistrict(std::string_view content) {
  auto message = Parse<reference::v1::District>(content);
  if (!message.ok()) return message.status();
  auto district = std::make_shared<IntakeDistrict>();
  for (const auto& camera : message->cameras())
    if (camera.id().empty() || !district->cameras.emplace(camera.id(), camera).second)
      return absl::InvalidArgumentError(absl::StrCat("camera ", camera.id(), " has no id, or stands twice"));
  return district;
}

absl::StatusOr<std::shared_ptr<const void>> ParseNotices(std::string_view content) {
  auto message = Parse<reference::v1::Notices>(content);
  if (!message.ok()) return message.status();
  auto words = NoticeWords::Make(*message);
  if (!words.ok()) return words.status();
  dispatch::v1::DeclineGround ground = dispatch::v1::DECLINE_GROUND_UNSPECIFIED;
  for (const auto& given : message->decline_words())
    if (!dispatch::v1::DeclineGround_Parse(absl::StrCat("DECLINE_GROUND_", given.ground()), &ground))
      return absl::InvalidArgumentError(absl::StrCat("decline_words ", given.ground(), ": there is no such ground"));
  return std::make_shared<NoticeWords>(*std::move(words));
}

}  // namespace

std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers() {
  return {{kStandard, ParseStandard}, {kDistrict, ParseDistrict}, {kNotices, ParseNotices}};
}

}  // namespace civicmesh::intake
