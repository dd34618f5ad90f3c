#include "services/intake/domain/reference.h"

namespace civicmesh::intake {

IntakeStandard::IntakeStandard(const reference::v1::Standard& standard)
    : published(standard), version(standard.version()), classifier(standard) {
  for (const auto& minor : standard.classes()) {
    classes_.emplace(minor.code(), MinorClass{minor.code(), minor.name_zh()});
    if (minor.camera_class() > 0) camera_classes_.emplace(minor.camera_class(), minor.code());
  }
}

const IntakeStandard::MinorClass* IntakeStandard::Find(std::string_view code) const {
  auto it = classes_.find(absl::string_view(code.data(), code.size()));
  return it == classes_.end() ? nullptr : &it->second;
}

const IntakeStandard::MinorClass* IntakeStandard::FindCameraClass(int camera_class) const {
  auto it = camera_classes_.find(camera_class);
  return it == camera_classes_.end() ? nullptr : Find(it->second);
}

}  // namespace civicmesh::intake
