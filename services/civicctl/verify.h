// civicctl verify: that Redis, the public events and analytics say what the journals say (I6).
//
// Folds each journal from its start, up to where Redis covers it, with the domain's own machine, and compares streams,
// outcomes, policies' progress, rows, @offset, and the facts on the events topic. With --door every KPI made from the
// journals is compared with analytics' answer. The digest names a shard's state: the same journal gives the same digest
// everywhere. Exit code 0 where everything is equal, 1 where something differs. Ask when the mesh is at rest: what
// moves cannot be compared.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command VerifyCommand();

}  // namespace civicmesh::civicctl
