// civicctl restore: what civicctl backup copied, into an installation that holds nothing yet.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

// restore FOLDER [--objects URL --objects-login-file FILE]. Reads the whole backup first and writes nothing where it is
// not as it was made, or where any topic or bucket holds anything; a backup that has objects wants --objects. Objects
// come first, so that no journal names what is not there. Every record lands at its offset, because hashes, events and
// receipts name offsets: what is below the first one of a partition is filled up and deleted again. Commands that were
// not decided are decided anew, at the time of the restoring. An installation in which it was broken off has to be
// emptied first.
Command RestoreCommand();

}  // namespace civicmesh::civicctl
