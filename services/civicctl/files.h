// Whole small files. Errors name the file and say why.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace civicmesh::civicctl {

// NOT_FOUND: there is none, or it may not be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Replaces what is there.
absl::Status WriteFile(const std::string& path, std::string_view text);

}  // namespace civicmesh::civicctl
