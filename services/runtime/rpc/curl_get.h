// The text at a URL, by libcurl: GET over http or https with certificates checked, without redirects, at most 64 KiB
// and five seconds.
//
// What it returns is called by one thread at a time. UNAVAILABLE: nobody answered so, saying why in curl's words;
// INVALID_ARGUMENT: another status than 200, or too much.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace civicmesh {

// `authorities`: a PEM file with those who may certify the server; empty: the machine's.
std::function<absl::StatusOr<std::string>()> NewCurlGet(const std::string& url, const std::string& authorities = "");

}  // namespace civicmesh
