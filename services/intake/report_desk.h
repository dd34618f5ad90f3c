// Where reports are handed in, for the doors of intake other than its own RPC: Open311.
//
// Thread-safe; nothing blocks.
#pragma once

#include <string>

#include "services/runtime/rpc/call.h"

namespace civicmesh::intake {

namespace v1 {
class Report;
class SubmitReportRequest;
}  // namespace v1

class ReportDesk {
 public:
  virtual ~ReportDesk() = default;

  // As SubmitReport, by the actor of `caller`: masked, sealed, classified, handed in; RECEIVED where nothing decides.
  // `class_code`: a minor class that the reporter says it is, "" for whatever the text says. Both messages live until
  // `finish`.
  virtual void Submit(const Call& caller, const v1::SubmitReportRequest* request, const std::string& class_code,
                      v1::Report* report, Finish finish) = 0;
};

}  // namespace civicmesh::intake
