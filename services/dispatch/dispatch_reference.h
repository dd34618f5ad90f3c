// The reference data of dispatch as a process loads it: contents of the reference topic, checked and made ready to
// decide by (domain/reference.h, services/runtime/workcalendar).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/dispatch/domain/reference.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh::reference::v1 {
class District;
class Standard;
}  // namespace civicmesh::reference::v1

namespace civicmesh::dispatch {

// INVALID_ARGUMENT, naming what is wrong: a class or condition without code, twice, without a role or with a limit that
// does not read.
absl::StatusOr<std::shared_ptr<const Standard>> MakeStandard(const reference::v1::Standard& message);

// INVALID_ARGUMENT, naming what is wrong: codes that are not 6 or 15 digits, a grid outside the district or twice, a
// ring that is no ring, a unit twice, a duty of a unit that is not there, two duties for the same role and prefix, no
// fallback unit.
absl::StatusOr<std::shared_ptr<const District>> MakeDistrict(const reference::v1::District& message);

// By kind, for ServiceSpec: standard, calendar, district, each from the bytes of its reference.v1 message.
std::map<std::string, ReferenceLibrary::Parser> ReferenceParsers();

}  // namespace civicmesh::dispatch
