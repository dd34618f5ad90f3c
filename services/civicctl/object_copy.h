// Copies the objects of an installation into a backup, and back into buckets that are empty.
//
// An object comes and goes as a whole, and is there before a journal names it: so what is copied after the journals may
// have more than these name, never less, but for what was deleted between the two; and it is restored before them.
// Left out is what the installation noted of its own reading (kHeard in buckets.h).
//
// Every function blocks for as long as it takes, and stops at the first error: a store that is away is UNAVAILABLE.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/civicctl/object_files.h"
#include "services/runtime/objects/object_store.h"

namespace civicmesh::civicctl {

// The store answers, and lets us list both buckets: to be asked before anything takes long.
absl::Status CheckStore(ObjectStore& store);

// FAILED_PRECONDITION: a bucket has an object.
absl::Status CheckEmpty(ObjectStore& store);

// Copies all that is there. What is deleted while it runs may be in the copy or not.
absl::Status CopyObjects(ObjectStore& store, ObjectWriter& writer);

// Writes what CheckObjects told of the backup in `folder`, then reads all of it back. DATA_LOSS: something came out
// otherwise than it went in.
absl::Status RestoreObjects(ObjectStore& store, const std::string& folder, const std::vector<CopiedObject>& objects);

// "4 objects, 409605 bytes".
std::string SizeText(int64_t objects, int64_t bytes);

}  // namespace civicmesh::civicctl
