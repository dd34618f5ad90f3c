// Answers of GeoReport v2 in both of its formats, written from one tree of JSON: the specification maps its XML to JSON
// element by element (the Spark convention), so the way back needs only the names of a list's elements.
//
//   Render(Format::kXml, "services", {{{"service_code", "E0110"}, …}})    // <services><service><service_code>E0110…
//
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nlohmann/json_fwd.hpp"

namespace civicmesh::intake::open311 {

enum class Format { kXml, kJson };

// "requests/r-1.json" is "requests/r-1" and kJson. Without a format that we know: nullopt and the name as it is.
std::optional<Format> SplitFormat(std::string_view file, std::string* name);

const char* ContentType(Format format);

// `root`: the name of the outermost element, which JSON does not have. Null is an empty element. In XML, characters
// that it cannot carry are left out.
std::string Render(Format format, const char* root, const nlohmann::ordered_json& content);

}  // namespace civicmesh::intake::open311
