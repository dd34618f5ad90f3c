// What stands on the records of public events beside their value: headers, and the id in the header ce_id, as
// "dispatch/3/120/0": the event's domain, its shard, where in the journal it was decided, and which of that record's.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "services/runtime/journal/journal.h"

namespace civicmesh {

// "" where the record has no such header.
std::string HeaderOf(const LogRecord& record, std::string_view name);

struct EventId {
  std::string domain;
  int shard = 0;
  int64_t journal_offset = 0;
  int index = 0;
};

// Nullopt: it is no id of ours.
std::optional<EventId> ParseEventId(std::string_view id);

}  // namespace civicmesh
