// Where objects lie, and what of them is no more than an installation's own note.
#pragma once

namespace civicmesh {

// What was posted and waits (raw/…), marks of what nothing names yet (unused/…), whose recordings there are (owners/…),
// who was erased (erased/…), and kHeard.
inline constexpr char kIncomingBucket[] = "civicmesh-incoming";
// What is ready: <upload>/photo.jpg, <upload>/facts, …
inline constexpr char kMediaBucket[] = "civicmesh-media";
inline constexpr const char* kBuckets[] = {kIncomingBucket, kMediaBucket};

// heard/<domain>/<shard> in what is incoming: until when this installation has read the events. Not for a copy: another
// one reads for itself.
inline constexpr char kHeard[] = "heard/";

}  // namespace civicmesh
