// References to pictures that nobody took: intake keeps no pictures, only where they are and their digests.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {

inline void AddPhotos(const std::string& of, int count, type::v1::Attachment::Kind kind,
                      google::protobuf::RepeatedPtrField<type::v1::Attachment>* to) {
  for (int i = 1; i <= count; ++i) {
    auto& photo = *to->Add();
    photo.set_uri(absl::StrCat("replay/", of, "/", i, ".jpg"));
    photo.set_sha256(Sha256(photo.uri()));
    photo.set_kind(kind);
    photo.set_size_bytes(180000);
  }
}

}  // namespace civicmesh::civicctl
