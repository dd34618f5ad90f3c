// What holds for every field of every request, before a handler sees it: so that a new field has bounds without anybody
// thinking of it, and what no domain would take never reaches the log.
//
//   if (auto wrong = CheckWellFormed(*request); !wrong.ok()) return finish(wrong);   // Serve does it (serve.h)
//
//   field        holds
//   id           at most 128 printable ASCII characters without blanks, no step out of a path (".."), no number of a
//                person. Every string is one, but for those that well_formed.cc names as
//   words        what people write: no control characters but line breaks and tabs, at most 20,000 bytes
//   object key   as an id of at most 512, and no address
//   opaque       what another domain rule looks at, or what is never kept: no control characters, at most 4,096 bytes
//   name         of a resource: its handler answers a wrong one as one that is not there
//   bytes        at most 64, which is a digest
//   time         a valid google.protobuf.Timestamp
//   number       finite
//   enum         a value that this release knows
//   list         at most 200 elements
//
// Fields that this release does not know are refused: what a caller asked for must not be dropped unseen, nor be kept
// unread. Pure; a walk over the fields that are set.
#pragma once

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/status.h"

namespace civicmesh {

enum class StringKind { kId, kWords, kObjectKey, kOpaque, kName };

// Of a string field of a request.
StringKind KindOf(const google::protobuf::FieldDescriptor& field);

// OK, or INVALID_ARGUMENT naming the first field that is wrong, as "photos[2].uri".
grpc::Status CheckWellFormed(const google::protobuf::Message& request);

}  // namespace civicmesh
