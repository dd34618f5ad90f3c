// What apps ask, read by the rules of GeoReport v2: forms and query parameters in, reports and filters out, or all that
// is wrong. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "civicmesh/intake/v1/intake_service.pb.h"
#include "services/intake/open311/form.h"

namespace civicmesh::reference::v1 {
class Standard;
}
namespace civicmesh::intake::v1 {
class ListServiceRequestsRequest;
}

namespace civicmesh::intake::open311 {

constexpr int kMaxDescription = 4000;  // characters, of the specification
constexpr int kMaxSpanDays = 90;       // the same
constexpr int kMaxListed = 200;        // in one answer
constexpr size_t kMaxIds = 50;

// The service for what fits no class: what it is follows from the text.
constexpr char kOther[] = "other";
// Attributes of every service.
constexpr char kPlace[] = "place";
constexpr char kCondition[] = "condition";

struct Problem {
  int code = 400;  // of HTTP
  std::string text;
};
using Problems = std::vector<Problem>;

// POST Service Request: a report without request_id, and the class that the app says it is ("" for "other").
struct Posted {
  v1::SubmitReportRequest report;
  std::string class_code;
};
// Nullopt where something is wrong, which then is in `problems`. Who reports becomes the contact (docs/adr/0008).
std::optional<Posted> ReadPost(const Form& form, const reference::v1::Standard& standard, Problems* problems);

// GET Service Requests.
struct Filter {
  std::vector<std::string> ids;       // where not empty, nothing else counts
  std::vector<std::string> services;  // empty: all
  bool open = true, closed = true;
  int64_t from_ms = 0;
  int64_t to_ms = 0;  // no longer belongs to it; 0: no end
  int page_size = kMaxListed;
};
std::optional<Filter> ReadFilter(const v1::ListServiceRequestsRequest& asked, int64_t now_ms, Problems* problems);

}  // namespace civicmesh::intake::open311
