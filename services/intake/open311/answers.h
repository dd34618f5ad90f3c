// The answers of GeoReport v2, each as a whole document in the format asked for. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/intake/open311/document.h"
#include "services/intake/open311/questions.h"

namespace civicmesh::intake::open311 {

struct Settings;

std::string ErrorsDocument(Format format, const Problems& problems);
std::string DiscoveryDocument(Format format, const Settings& settings, const std::string& standard_version);
std::string ServicesDocument(Format format, const reference::v1::Standard& standard);

// Nullopt: there is no such service.
std::optional<std::string> DefinitionDocument(Format format, const reference::v1::Standard& standard,
                                              const std::string& service_code);

// A request as somebody may see it.
struct Request {
  std::string id;
  bool open = true;
  std::string status_notes;
  std::string service_code, service_name;
  std::optional<std::string> description;
  int64_t requested_ms = 0, updated_ms = 0;
  std::optional<int64_t> expected_ms;
  std::optional<std::pair<double, double>> place;  // lat, long
};
std::string RequestsDocument(Format format, const std::vector<Request>& requests);

// What POST answers: the id, or a token where `id` is empty.
std::string PostedDocument(Format format, const std::string& id, const std::string& token);
// What GET tokens answers; `id` is empty as long as nothing has been decided.
std::string TokenDocument(Format format, const std::string& id, const std::string& token);

}  // namespace civicmesh::intake::open311
