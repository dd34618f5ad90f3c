// civicctl audit: the record of who did what about personal data, checked, exported and compared with an earlier
// export.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

// audit [--out FILE] [--compare FILE]. Reads intake's journals from their start.
Command AuditCommand();

}  // namespace civicmesh::civicctl
