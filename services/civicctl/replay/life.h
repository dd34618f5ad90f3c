// civicctl life REPORT: one report's whole life, as a clerk reads it.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

Command LifeCommand();

}  // namespace civicmesh::civicctl
