// The figures of a replay: what analytics counted, beside what the input says was before and what is aimed at.
#pragma once

#include <iosfwd>

#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/civicctl/replay/input.h"

namespace civicmesh::civicctl {

void PrintKpis(std::ostream& out, const analytics::v1::ListKpisResponse& kpis, const Before& before);

}  // namespace civicmesh::civicctl
