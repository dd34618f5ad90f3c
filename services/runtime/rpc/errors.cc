#include "services/runtime/rpc/errors.h"

#include "absl/strings/str_cat.h"
#include "civicmesh/options/v1/options.pb.h"
#include "civicmesh/runtime/v1/runtime.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace civicmesh {
namespace {

const google::protobuf::EnumValueDescriptor* FindReason(const std::string& domain, const std::string& reason) {
  if (domain == "runtime") return runtime::v1::Reason_descriptor()->FindValueByName(reason);
  // Enum values are siblings of their enum: "civicmesh.dispatch.v1.REASON_WRONG_STATE".
  return google::protobuf::DescriptorPool::generated_pool()->FindEnumValueByName(
      absl::StrCat("civicmesh.", domain, ".v1.", reason));
}

void AddText(const char* locale, const std::string& text, google::rpc::Status& status) {
  if (text.empty()) return;
  google::rpc::LocalizedMessage message;
  message.set_locale(locale);
  message.set_message(text);
  status.add_details()->PackFrom(message);
}

const char* ReasonForCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return "REASON_INVALID_ARGUMENT";
    case absl::StatusCode::kNotFound:
      return "REASON_NOT_FOUND";
    case absl::StatusCode::kResourceExhausted:
      return "REASON_OVERLOADED";
    case absl::StatusCode::kUnauthenticated:
      return "REASON_UNAUTHENTICATED";
    case absl::StatusCode::kPermissionDenied:
      return "REASON_PERMISSION_DENIED";
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
      return "REASON_RECOVERING";
    case absl::StatusCode::kDataLoss:
      return "REASON_DATA_LOSS";
    default:
      return "REASON_INTERNAL";
  }
}

}  // namespace

grpc::Status ErrorOf(const Refusal& refusal, absl::Duration retry_after) {
  const auto* value = FindReason(refusal.domain, refusal.reason);
  options::v1::ReasonText text;
  if (value) text = value->options().GetExtension(options::v1::reason);

  google::rpc::Status status;
  status.set_code(refusal.code);
  status.set_message(text.en().empty() ? refusal.reason : text.en());
  if (!refusal.detail.empty()) absl::StrAppend(status.mutable_message(), ": ", refusal.detail);

  google::rpc::ErrorInfo info;
  info.set_reason(refusal.reason);
  info.set_domain(refusal.domain);
  if (!refusal.field.empty()) (*info.mutable_metadata())["field"] = refusal.field;
  if (!refusal.detail.empty()) (*info.mutable_metadata())["detail"] = refusal.detail;
  status.add_details()->PackFrom(info);
  if (!refusal.field.empty()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(refusal.field);
    violation->set_description(status.message());
    status.add_details()->PackFrom(bad);
  }
  if (retry_after > absl::ZeroDuration()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(retry_after));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int>(absl::ToInt64Nanoseconds(retry_after - absl::Floor(retry_after, absl::Seconds(1)))));
    status.add_details()->PackFrom(retry);
  }
  AddText("zh-CN", text.zh(), status);
  AddText("en", text.en(), status);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), status.message(), status.SerializeAsString());
}

grpc::Status RuntimeError(std::string_view reason, std::string field, std::string detail, absl::Duration retry_after) {
  const auto* value = FindReason("runtime", std::string(reason));
  if (!value) value = FindReason("runtime", "REASON_INTERNAL");
  return ErrorOf(RefuseBy(value, std::move(field), std::move(detail)), retry_after);
}

grpc::Status ErrorOf(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const bool theirs = absl::IsInvalidArgument(status);
  return RuntimeError(ReasonForCode(status.code()), "", theirs ? std::string(status.message()) : "");
}

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status rich;
  google::rpc::ErrorInfo info;
  if (!rich.ParseFromString(status.error_details())) return "";
  for (const auto& detail : rich.details())
    if (detail.Is<google::rpc::ErrorInfo>() && detail.UnpackTo(&info)) return info.reason();
  return "";
}

}  // namespace civicmesh
