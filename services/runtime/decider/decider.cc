#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "civicmesh/options/v1/options.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"
#include "services/runtime/decider/typed_machine.h"

namespace civicmesh {

Refusal RefuseBy(const google::protobuf::EnumValueDescriptor* reason, std::string field, std::string detail) {
  const auto& text = reason->options().GetExtension(options::v1::reason);
  // Packages are civicmesh.<domain>.v1.
  std::vector<std::string> parts = absl::StrSplit(reason->file()->package(), '.');
  return {.reason = reason->name(),
          .domain = parts.size() > 1 ? parts[1] : "",
          .code = text.code(),
          .field = std::move(field),
          .detail = std::move(detail)};
}

std::string Context::NewId(std::string_view prefix, int ordinal) const {
  return MakeId(prefix, shard, absl::StrCat(seed, "/", std::string(prefix), "/", ordinal));
}

std::string EqualBytes(const google::protobuf::MessageLite& message) {
  std::string bytes(message.ByteSizeLong(), '\0');
  google::protobuf::io::ArrayOutputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedOutputStream coded(&array);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  coded.Trim();
  return bytes;
}

std::string Row(std::string_view index, std::string_view value, int64_t sort_ms, std::string_view stream) {
  const std::string sort_key = absl::StrFormat("%015d", sort_ms);
  std::string row;
  for (std::string_view part : {index, value, std::string_view(sort_key), stream}) {
    if (!row.empty()) row.push_back('\x1f');
    row.append(part);
  }
  return row;
}

}  // namespace civicmesh
