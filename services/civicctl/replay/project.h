// civicctl project: the canonical projection of a city, by which two runs are compared. Sorted JSON lines, one per
// report by its source id (its case, states, deadlines, unit, what its reporter was ever granted), activity and item;
// ids that depend on when a run began (reports/r-…, cases/c-…) are left out or replaced by source ids.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command ProjectCommand();

}  // namespace civicmesh::civicctl
