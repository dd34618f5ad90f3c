// civicctl parked list | show | replay: what a domain could not handle (I8), and handing it in once more.
//
// A command is parked by its journal record: "3/412" is the one at offset 412 of shard 3. A policy parks an event that
// it cannot read: "event/7" is the record at offset 7 of the parked topic's partition 0.
//
// Replaying appends a command's very bytes to its inbox. That is always safe (R8), and changes something only while the
// shard has neither its outcome (kept 48 hours) nor a later command of the same policy: for bytes that an earlier
// release could not read. Otherwise the shard takes it for the duplicate that it is, or refuses it as stale. Events are
// not replayed: they are on their own topic for ever.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command ParkedCommand();

}  // namespace civicmesh::civicctl
