// civicctl roster, revocations and quotas: publish who holds which post, which tokens are good no more and how often
// single agencies may ask, which every service reads and asks (people/roster.h, revocations.h, agency_quotas.h). The
// last one holds.
//
// civicctl load: publishes a district's reference data and makes it hold in every service that decides by it (R10).
//
// Safe to repeat: what is on the reference topic is not published again, what holds in a shard is not activated again.
// The first version of a kind holds from the beginning (services take it at once); a later one from two minutes after
// the services' own time, which under the driven clock is business time. Returns when every shard says that it has it.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command RosterCommand();
Command RevocationsCommand();
Command QuotasCommand();
Command LoadCommand();

}  // namespace civicmesh::civicctl
