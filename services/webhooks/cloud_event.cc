#include "services/webhooks/cloud_event.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>
#include <sodium.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"
#include "services/runtime/journal/event_id.h"

namespace civicmesh::webhooks {
namespace {

using google::protobuf::Message;

// Null where this release does not know it. Naming a message of each file is what has the linker keep the file.
const google::protobuf::Descriptor* EventType(const std::string& name) {
  static const google::protobuf::FileDescriptor* const kFiles[] = {
      intake::v1::ReportSubmitted::descriptor()->file(), dispatch::v1::CaseOpened::descriptor()->file(),
      points::v1::Posting::descriptor()->file(), volunteering::v1::ActivityContext::descriptor()->file()};
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  const bool event = type && std::find(std::begin(kFiles), std::end(kFiles), type->file()) != std::end(kFiles);
  return event ? type : nullptr;
}

// Null where this release does not know the type or the bytes are no such message.
std::unique_ptr<Message> EventOf(const LogRecord& record) {
  const auto* type = EventType(HeaderOf(record, "ce_type"));
  if (!type) return nullptr;
  std::unique_ptr<Message> event(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return event->ParseFromString(record.value) ? std::move(event) : nullptr;
}

const unsigned char* Bytes(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

bool KnowsEvent(const std::string& type) { return EventType(type) != nullptr; }

absl::StatusOr<std::string> CloudEventJson(const LogRecord& record) {
  const auto event = EventOf(record);
  if (!event) return absl::InvalidArgumentError(absl::StrCat(HeaderOf(record, "ce_type"), " is not known here"));
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string data;
  if (!google::protobuf::util::MessageToJsonString(*event, &data, options).ok())
    return absl::InvalidArgumentError("the event has no JSON form");
  nlohmann::ordered_json json;
  for (const char* name : {"specversion", "id", "source", "type", "subject", "time", "recordhash"})
    if (std::string value = HeaderOf(record, absl::StrCat("ce_", name)); !value.empty()) json[name] = std::move(value);
  json["datacontenttype"] = "application/json";
  json["data"] = nlohmann::ordered_json::parse(data);
  return json.dump();
}

std::string UnitOf(const LogRecord& record) {
  const auto event = EventOf(record);
  if (!event) return "";
  const auto* context = event->GetDescriptor()->FindFieldByName("context");
  if (!context || !context->message_type()) return "";
  const Message& said = event->GetReflection()->GetMessage(*event, context);
  const auto* unit = said.GetDescriptor()->FindFieldByName("unit");
  if (!unit || unit->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) return "";
  return said.GetReflection()->GetString(said, unit);
}

int64_t NotBeforeMs(const LogRecord& record) {
  const auto event = EventOf(record);
  if (!event) return 0;
  const auto* field = event->GetDescriptor()->FindFieldByName("push_not_before");
  if (!field || field->message_type() != google::protobuf::Timestamp::descriptor() || field->is_repeated()) return 0;
  google::protobuf::Timestamp time;
  time.CopyFrom(event->GetReflection()->GetMessage(*event, field));
  return google::protobuf::util::TimeUtil::TimestampToMilliseconds(time);
}

std::string SignatureOf(const std::string& secret, const std::string& id, int64_t seconds, const std::string& body) {
  const std::string text = absl::StrCat(id, ".", seconds, ".", body);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, Bytes(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, Bytes(text), text.size());
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  return absl::StrCat("v1,", absl::Base64Escape(mac));
}

}  // namespace civicmesh::webhooks
