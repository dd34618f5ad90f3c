// civicctl replay: reports through the whole loop of a running city (README.md).
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command ReplayCommand();

}  // namespace civicmesh::civicctl
