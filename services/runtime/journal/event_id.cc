#include "services/runtime/journal/event_id.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace civicmesh {

std::string HeaderOf(const LogRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers)
    if (key == name) return value;
  return "";
}

std::optional<EventId> ParseEventId(std::string_view id) {
  const std::vector<std::string> parts = absl::StrSplit(absl::string_view(id.data(), id.size()), '/');
  EventId parsed;
  if (parts.size() != 4 || parts[0].empty() || !absl::SimpleAtoi(parts[1], &parsed.shard) ||
      !absl::SimpleAtoi(parts[2], &parsed.journal_offset) || !absl::SimpleAtoi(parts[3], &parsed.index) ||
      parsed.shard < 0 || parsed.journal_offset < 0 || parsed.index < 0)
    return std::nullopt;
  parsed.domain = parts[0];
  return parsed;
}

}  // namespace civicmesh
