// The resource names of volunteering and the streams behind them. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace civicmesh::volunteering {

// "activities/v-…" of a stream "v-…", and back; "" where `name` is none.
std::string ActivityName(std::string_view stream);
std::string ActivityStream(std::string_view name);

// "activities/v-…/serviceRecords/p-…", and back; nullopt where `name` is none.
struct RecordName {
  std::string stream;
  std::string volunteer_token;
};
std::string ServiceRecordName(const RecordName& record);
std::optional<RecordName> ParseRecordName(std::string_view name);

}  // namespace civicmesh::volunteering
