#include "services/volunteering/domain/names.h"

namespace civicmesh::volunteering {
namespace {

constexpr std::string_view kActivities = "activities/", kRecords = "/serviceRecords/";

bool IsSegment(std::string_view text) { return !text.empty() && text.find('/') == std::string_view::npos; }

}  // namespace

std::string ActivityName(std::string_view stream) { return std::string(kActivities).append(stream); }

std::string ActivityStream(std::string_view name) {
  if (name.substr(0, kActivities.size()) != kActivities) return "";
  name.remove_prefix(kActivities.size());
  return IsSegment(name) ? std::string(name) : "";
}

std::string ServiceRecordName(const RecordName& record) {
  return ActivityName(record.stream).append(kRecords).append(record.volunteer_token);
}

std::optional<RecordName> ParseRecordName(std::string_view name) {
  const size_t at = name.find(kRecords);
  if (at == std::string_view::npos) return std::nullopt;
  RecordName record{ActivityStream(name.substr(0, at)), std::string(name.substr(at + kRecords.size()))};
  if (record.stream.empty() || !IsSegment(record.volunteer_token)) return std::nullopt;
  return record;
}

}  // namespace civicmesh::volunteering
