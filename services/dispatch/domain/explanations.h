// Why the machine chose as it did: made at the choice, kept with the case, told to clerks.
//
//   Explain(v1::EXPLANATION_CODE_GRID_CONTAINS, ctx.now_ms, {{"grid", grid}, {"district", district.version()}});
//
// Pure functions.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "civicmesh/dispatch/v1/dispatch_events.pb.h"

namespace civicmesh::dispatch {

// The choice follows from the code. Facts are never personal data.
v1::Explanation Explain(v1::ExplanationCode code, int64_t now_ms,
                        std::initializer_list<std::pair<const char*, std::string>> facts);

// The text of its code with the facts filled in; a fact that is missing or empty shows as "—".
std::string TellZh(const v1::Explanation& explanation);
std::string TellEn(const v1::Explanation& explanation);

}  // namespace civicmesh::dispatch
