// Errors as callers get them: a canonical code with ErrorInfo{reason, domain}, the texts of the reason in Chinese and
// English (LocalizedMessage), BadRequest where a field is wrong, and RetryInfo where waiting helps.
//
//   return done(RuntimeError("REASON_NOT_FOUND", "name"));
//
// A reason is a value of an enum "Reason" in a package civicmesh.<domain>.v1; code and texts come from its option
// (civicmesh.options.v1.reason). Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "services/runtime/decider/decision.h"

namespace civicmesh {

// The answer for `refusal` (decider/decision.h; also what the log recorded). A reason that this process does not know
// is passed on with its code and without texts. `retry_after` above zero adds RetryInfo.
grpc::Status ErrorOf(const Refusal& refusal, absl::Duration retry_after = absl::ZeroDuration());

// The same by the name of a runtime reason (proto/civicmesh/runtime/v1/runtime.proto), as "REASON_RECOVERING".
grpc::Status RuntimeError(std::string_view reason, std::string field = "", std::string detail = "",
                          absl::Duration retry_after = absl::ZeroDuration());

// What one of our own components answered, for a caller: UNAVAILABLE, INVALID_ARGUMENT, NOT_FOUND and so on get the
// runtime reason for their code. Its message reaches the caller only for INVALID_ARGUMENT.
grpc::Status ErrorOf(const absl::Status& status);

// The ErrorInfo reason of an answer, "" where there is none. For tests, logs and metrics.
std::string ReasonOf(const grpc::Status& status);

}  // namespace civicmesh
