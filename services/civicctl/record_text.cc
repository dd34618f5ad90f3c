#include "services/civicctl/record_text.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "services/civicctl/canonical.h"
#include "services/civicctl/log_reading.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/journal/event_id.h"
#include "services/runtime/shard/actor_record.h"

namespace civicmesh::civicctl {
namespace {

using Json = nlohmann::ordered_json;
using log::v1::Record;

constexpr char kIndent[] = "      ";
constexpr size_t kIdDigits = 12;

std::string Detail(const std::string& text) { return kIndent + text; }

// A type.v1.Sealed reads as "sealed under <key>", never as the bytes that it is.
void HideSealed(Json& json) {
  if (json.is_object() && json.contains("ciphertext")) {
    json = absl::StrCat("(sealed under ", json.value("key_id", "?"), ")");
    return;
  }
  if (json.is_structured())
    for (auto& part : json) HideSealed(part);
}

// "civicmesh.dispatch.v1.DispatchService/SignCase" → "DispatchService/SignCase"
std::string Short(const std::string& name) { return name.substr(name.rfind('.') + 1); }

std::string PostText(const Post& post) {
  return absl::StrCat(post.role, post.unit.empty() ? "" : " of " + post.unit,
                      post.area.empty() ? "" : " in " + post.area);
}

std::string Who(const log::v1::Actor& actor) {
  if (actor.subject().empty()) return "-";
  std::vector<std::string> about;
  for (const Post& post : ActorOf(actor).posts) about.push_back(PostText(post));
  return about.empty() ? actor.subject() : absl::StrCat(actor.subject(), " (", absl::StrJoin(about, ", "), ")");
}

std::string KindText(Record::Kind kind) { return Record::Kind_Name(kind).substr(sizeof("KIND_") - 1); }

std::string OriginText(const log::v1::PolicyOrigin& origin) {
  return absl::StrCat("policy ", origin.policy(), " on ", origin.source_domain(), "/", origin.source_shard(), "/",
                      origin.event().journal_offset(), "/", origin.event().index());
}

std::string RefusedText(const log::v1::Refused& refused) {
  std::string text = absl::StrCat("refused: ", refused.reason(), " (", refused.domain(), ")");
  if (!refused.field().empty()) absl::StrAppend(&text, ", field ", refused.field());
  if (!refused.detail().empty()) absl::StrAppend(&text, ", ", refused.detail());
  return text;
}

void AddAccepted(const Record& record, const Domain& domain, Lines& lines) {
  for (const auto& change : record.accepted().streams()) {
    uint64_t version = change.first_version();
    for (const auto& event : change.events())
      lines.push_back(
          Detail(absl::StrCat(change.stream(), " v", version++, " ", JsonText(domain.journal_event, event))));
  }
  for (const auto& timer : record.accepted().timers())
    lines.push_back(Detail(absl::StrCat("timer ", timer.kind(), " of ", timer.stream(),
                                        timer.due_ms() == 0 ? " stopped" : " due " + TimeText(timer.due_ms()))));
}

// What made the record, where that is not a caller's request.
std::string CauseText(const Record& record) {
  switch (record.kind()) {
    case Record::KIND_BARRIER:
      return absl::StrCat("owner ", absl::Hex(record.owner()), " takes the shard over");
    case Record::KIND_TIMER:
      return absl::StrCat("timer ", record.timer().kind(), " of ", record.timer().stream(), " was due ",
                          TimeText(record.timer().due_ms()));
    case Record::KIND_POLICY:
      return OriginText(record.origin());
    case Record::KIND_ACTIVATE:
      return absl::StrCat(record.activation().kind(), " ", record.activation().version(), " holds from ",
                          TimeText(record.activation().valid_from_ms()));
    default:
      return "";
  }
}

}  // namespace

std::string JsonText(const google::protobuf::Descriptor* type, std::string_view bytes) {
  auto message = NewMessage(type);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !google::protobuf::util::MessageToJsonString(*message, &text, options).ok())
    return absl::StrCat("?(", bytes.size(), " bytes)");
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  HideSealed(json);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Lines RecordLines(const Record& record, int64_t offset, bool effective, const Domain& domain) {
  Lines lines{absl::StrCat(offset, "  ", TimeText(record.now_ms()), "  ", effective ? "effective" : "void", "  ",
                           KindText(record.kind()), "  epoch ", record.epoch(), "/", record.seq())};
  if (record.has_actor() || !record.method().empty())
    lines.front() += absl::StrCat("  ", Short(record.method()), "  by ", Who(record.actor()));
  if (std::string cause = CauseText(record); !cause.empty()) lines.push_back(Detail(cause));
  if (!record.traceparent().empty()) lines.push_back(Detail("trace " + record.traceparent()));
  if (record.has_refused()) lines.push_back(Detail(RefusedText(record.refused())));
  if (record.has_parked())
    lines.push_back(
        Detail(absl::StrCat("parked: ", record.parked().error(), " (", record.parked().original().size(), " bytes)")));
  if (record.has_accepted()) AddAccepted(record, domain, lines);
  if (!record.references().empty()) {
    auto text = [](std::string* out, const log::v1::ReferenceUse& use) {
      absl::StrAppend(out, use.kind(), " ", use.version());
    };
    lines.push_back(Detail(absl::StrCat("decided by ", absl::StrJoin(record.references(), ", ", text))));
  }
  return lines;
}

Lines EventLines(const LogRecord& record) {
  const std::string type = HeaderOf(record, "ce_type");
  absl::Time when;
  std::string ignored;
  const bool timed = absl::ParseTime(absl::RFC3339_full, HeaderOf(record, "ce_time"), &when, &ignored);
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  return {absl::StrCat(HeaderOf(record, "ce_id"), "  ", timed ? TimeText(absl::ToUnixMillis(when)) : "-", "  ",
                       Short(type), "  ", HeaderOf(record, "ce_subject")),
          Detail(descriptor ? JsonText(descriptor, record.value) : absl::StrCat("?(", record.value.size(), " bytes)"))};
}

Lines CommandLines(const log::v1::Command& command, const Domain& domain) {
  const std::string kind = log::v1::Command::Kind_Name(command.kind()).substr(sizeof("KIND_") - 1);
  Lines lines{absl::StrCat(kind, "  made ", TimeText(command.issued_at_ms()), "  ", Short(command.method()), "  by ",
                           Who(command.actor()))};
  lines.push_back(
      Detail(absl::StrCat("command ", absl::BytesToHexString(command.command_id().substr(0, kIdDigits / 2)), "…")));
  if (command.has_origin()) lines.push_back(Detail(OriginText(command.origin())));
  if (!command.payload().empty()) lines.push_back(Detail(JsonText(domain.command, command.payload())));
  return lines;
}

}  // namespace civicmesh::civicctl
