// civicctl deadline: when a time limit runs out, and how that was counted. Needs nothing running.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

// The calendar is the sample's, compiled in, so that the answer never depends on where the tool is called; --calendar
// takes another file. The last line printed is the deadline (RFC 3339, +08:00), or "PROVISIONAL" and the reason.
Command DeadlineCommand();

}  // namespace civicmesh::civicctl
