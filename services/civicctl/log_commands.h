// civicctl journal and civicctl events: a domain's decisions and its public facts, readably.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

// journal --domain dispatch [--shard 3] [--stream c-…] [--from 100 --count 20]. Whether a record is effective follows
// from all records before it, so the shard's journal is read from its start.
Command JournalCommand();

// events --domain dispatch [--shard 3] [--subject …] [--type CaseClosed] [--from 100 --count 20]
Command EventsCommand();

}  // namespace civicmesh::civicctl
