// Public events as the publisher of a domain writes them (R14), for tests.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/analytics/domain/tales_for_tests.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh::analytics {

inline Headers EventHeaders(const Told& told, EventId id, const std::string& type) {
  return {{"ce_specversion", "1.0"},
          {"ce_id", absl::StrCat(told.domain, "/", told.shard, "/", id.offset, "/", id.index)},
          {"ce_source", absl::StrCat("civicmesh/", told.domain, "/", told.shard)},
          {"ce_type", type},
          {"ce_subject", "x"},
          {"ce_time", absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(told.at_ms), absl::UTCTimeZone())},
          {"ce_recordhash", "00112233445566778899aabbccddeeff"},
          {"content-type", "application/protobuf"}};
}

inline Headers EventHeaders(const Told& told, EventId id) {
  return EventHeaders(told, id, told.event->GetDescriptor()->full_name());
}

}  // namespace civicmesh::analytics
