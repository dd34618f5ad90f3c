#include "services/intake/domain/rules.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"

namespace civicmesh::intake {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMaxForeignId = 64, kMaxUri = 512, kDigestBytes = 32;

bool IsObjectKey(std::string_view uri) {
  return !uri.empty() && uri.size() <= kMaxUri && uri.find("://") == std::string_view::npos &&
         std::all_of(uri.begin(), uri.end(), [](unsigned char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

google::protobuf::Timestamp TimeOf(int64_t ms) { return TimeUtil::MillisecondsToTimestamp(ms); }
int64_t MsOf(const google::protobuf::Timestamp& time) { return TimeUtil::TimestampToMilliseconds(time); }

std::string IdOf(std::string_view collection, std::string_view name) {
  if (name.substr(0, collection.size()) != collection) return "";
  return std::string(name.substr(collection.size()));
}

std::string EtagOf(uint64_t version) { return absl::StrCat("v", version); }
bool EtagFits(const std::string& etag, uint64_t version) { return etag.empty() || etag == EtagOf(version); }

bool IsForeignId(std::string_view id) {
  return id.size() <= kMaxForeignId && std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == ':' || c == '-';
         });
}

bool IsPlace(const type::v1::GeoPoint& point) {
  // 0, 0 is what a sender without a position often sends.
  return std::abs(point.latitude()) <= 90 && std::abs(point.longitude()) <= 180 &&
         (point.latitude() != 0 || point.longitude() != 0);
}

bool AttachmentsFit(const Attachments& attachments, int most, bool voices) {
  return attachments.size() <= most && std::all_of(attachments.begin(), attachments.end(), [&](const auto& one) {
           return IsObjectKey(one.uri()) && one.sha256().size() == kDigestBytes && one.size_bytes() >= 0 &&
                  (one.kind() == type::v1::Attachment::KIND_VOICE) == voices;
         });
}

std::optional<int64_t> CountedTime(bool set, const google::protobuf::Timestamp& time, int64_t now_ms) {
  if (!set) return now_ms;
  if (time.seconds() <= 0 || time.seconds() > TimeUtil::kTimestampMaxSeconds) return std::nullopt;
  const int64_t ms = MsOf(time);
  if (ms > now_ms + kClockSkewMs) return std::nullopt;
  return std::min(ms, now_ms);
}

std::string ActorName(const ActorView& actor, const std::string& reporter_token) {
  const bool only_citizen = actor.posts.size() == 1 && actor.Has("CITIZEN");
  if (!actor.subject.empty() && !only_citizen) return actor.subject;
  return actor.subject.empty() || reporter_token.empty() ? "anonymous" : reporter_token;
}

}  // namespace civicmesh::intake
