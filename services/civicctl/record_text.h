// What stands in the log, as a person reads it: a headline and indented details. Sealed fields stay sealed. Pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "civicmesh/log/v1/log.pb.h"
#include "services/civicctl/domains.h"
#include "services/runtime/journal/journal.h"

namespace civicmesh::civicctl {

using Lines = std::vector<std::string>;

// One line of JSON, with the proto's field names; "?(12 bytes)" where the bytes are no such message.
std::string JsonText(const google::protobuf::Descriptor* type, std::string_view bytes);

// A journal record: offset, when, effective or void, kind, who, what, and what came of it.
Lines RecordLines(const log::v1::Record& record, int64_t offset, bool effective, const Domain& domain);

// A public event: ce_id, when, type, about what, and its fields.
Lines EventLines(const LogRecord& record);

// An inbox command: when it was made, by whom, what it asks for.
Lines CommandLines(const log::v1::Command& command, const Domain& domain);

}  // namespace civicmesh::civicctl
