// civicctl backup: a copy of everything that an installation cannot make again, while it runs.
//
// What is copied: journals, events and parked records of every domain, the reference topic, the persons' wrapped keys
// where there are such, of each inbox what is not decided yet, and how far the groups have come. Redis and the figures
// follow from these. After them, where --objects names the store, the photos and recordings. Not copied: the secrets in
// files (keys/), without which what is sealed stays sealed, so whoever takes the one has not the other; and decided
// commands, which the journal answers for.
#pragma once

#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

// backup FOLDER [--objects URL --objects-login-file FILE]. The copy shows the city at one moment in which nothing was
// written anywhere: else one domain could have followed a fact that another has not. Such a moment is waited for.
Command BackupCommand();

}  // namespace civicmesh::civicctl
