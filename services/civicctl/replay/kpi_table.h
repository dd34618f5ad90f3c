// The figures of a replay: what analytics counted, beside what the input says was before and what is aimed at.
#pragma once

#include <iosfwd>
#include <map>
#include <string>

#include "civicmesh/analytics/v1/analytics_service.pb.h"
#include "services/civicctl/replay/input.h"

namespace civicmesh::civicctl {

// `camera_classes`: what the classes are called by whose numbers a figure is told apart, as "06".
void PrintKpis(std::ostream& out, const analytics::v1::ListKpisResponse& kpis, const Before& before,
               const std::map<std::string, std::string>& camera_classes);

}  // namespace civicmesh::civicctl
