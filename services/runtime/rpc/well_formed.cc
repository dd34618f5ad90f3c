#include "services/runtime/rpc/well_formed.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/runtime/personal/personal_numbers.h"
#include "services/runtime/personal/utf8.h"
#include "services/runtime/rpc/errors.h"

namespace civicmesh {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxId = 128, kMaxObjectKey = 512, kMaxOpaque = 4096, kMaxWords = 20'000, kMaxBytes = 64;
constexpr int kMaxElements = 200;
constexpr int64_t kFirstSecond = -62'135'596'800, kLastSecond = 253'402'300'799;  // years 1 to 9999
constexpr int kNanos = 1'000'000'000;

// By the field's name, or by "Message.name" where the name alone says something else.
const std::map<std::string, StringKind>& Kinds() {
  static const auto* const kinds = new std::map<std::string, StringKind>{
      {"text", StringKind::kWords},
      {"note", StringKind::kWords},
      {"reason", StringKind::kWords},
      {"place_text", StringKind::kWords},
      {"about", StringKind::kWords},
      {"answer", StringKind::kWords},
      {"referral", StringKind::kWords},
      {"override_reason", StringKind::kWords},
      {"title_zh", StringKind::kWords},
      {"place_zh", StringKind::kWords},
      {"risks_zh", StringKind::kWords},
      {"Contact.name", StringKind::kWords},
      {"phone", StringKind::kWords},
      {"email", StringKind::kWords},
      {"group", StringKind::kWords},  // of figures: also the Chinese name of a class
      {"uri", StringKind::kObjectKey},
      {"request_id", StringKind::kOpaque},  // the door wants a UUIDv7
      {"page_token", StringKind::kOpaque},
      {"receipt", StringKind::kOpaque},
      {"ticket", StringKind::kOpaque},
      {"link", StringKind::kOpaque},  // clients send an attachment as it was answered
      {"thumbnail_link", StringKind::kOpaque},
      {"claim", StringKind::kOpaque},
      {"tracking_code", StringKind::kOpaque},
      {"citizen", StringKind::kOpaque},  // a subject of the issuer's, never kept
      {"reporter_reference", StringKind::kOpaque},
      {"organiser", StringKind::kOpaque},
      {"source_id", StringKind::kOpaque},
      {"grid", StringKind::kOpaque},  // 15 digits, as an old identity card has
      {"name", StringKind::kName},
      {"parent", StringKind::kName},
      {"report", StringKind::kName},
      {"item", StringKind::kName},
      // Open311 says in its own documents what is wrong.
      {"file", StringKind::kOpaque},
      {"jurisdiction_id", StringKind::kOpaque},
      {"api_key", StringKind::kOpaque},
      {"service_request_id", StringKind::kOpaque},
      {"service_code", StringKind::kOpaque},
      {"start_date", StringKind::kOpaque},
      {"end_date", StringKind::kOpaque},
      {"status", StringKind::kOpaque},
      {"content_type", StringKind::kOpaque}};
  return *kinds;
}

bool IsControl(char32_t c) { return c < ' ' || (c >= 0x7F && c < 0xA0); }
bool IsBreak(char32_t c) { return c == '\n' || c == '\r' || c == '\t'; }

bool HoldsControls(const std::string& text, bool breaks_too) {
  const auto characters = Characters(text);
  return std::any_of(characters.begin(), characters.end(), [breaks_too](const Character& c) {
    return IsControl(c.code) && (breaks_too || !IsBreak(c.code));
  });
}

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7F; });
}

bool StepsOut(const std::string& path) {
  const std::vector<std::string> steps = absl::StrSplit(path, '/');
  return std::any_of(steps.begin(), steps.end(), [](const std::string& step) { return step == ".." || step == "."; });
}

// A random name has letters in it: what has none and looks like a person's number is one.
bool NamesPersonByNumber(const std::string& key) {
  const std::vector<std::string> steps = absl::StrSplit(key, '/');
  return std::any_of(steps.begin(), steps.end(), [](const std::string& step) {
    return step.find_first_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos &&
           LooksPersonal(step);
  });
}

// What is wrong with it; empty: nothing.
std::string WrongIn(const std::string& text, StringKind kind) {
  switch (kind) {
    case StringKind::kName:
      return "";
    case StringKind::kWords:
      if (text.size() > kMaxWords) return "too long";
      return HoldsControls(text, false) ? "holds control characters" : "";
    case StringKind::kOpaque:
      if (text.size() > kMaxOpaque) return "too long";
      return HoldsControls(text, true) ? "holds control characters" : "";
    case StringKind::kObjectKey:
      if (text.size() > kMaxObjectKey) return "too long";
      if (!IsPrintable(text) || StepsOut(text) || text.find("://") != std::string::npos) return "is no object key";
      return NamesPersonByNumber(text) ? "holds a person's number" : "";
    case StringKind::kId:
      if (text.size() > kMaxId) return "too long";
      if (!IsPrintable(text) || StepsOut(text)) return "is no id";
      return LooksPersonal(text) ? "holds a person's number" : "";
  }
  return "";
}

std::string WrongTime(const Message& time) {
  const auto* fields = time.GetDescriptor();
  const int64_t seconds = time.GetReflection()->GetInt64(time, fields->FindFieldByName("seconds"));
  const int nanos = time.GetReflection()->GetInt32(time, fields->FindFieldByName("nanos"));
  return seconds >= kFirstSecond && seconds <= kLastSecond && nanos >= 0 && nanos < kNanos ? "" : "is no time";
}

struct Wrong {
  std::string field, why;
};

Wrong Find(const Message& message, const std::string& at);

// One value of `field`; of a list the one at `index`, else -1.
Wrong FindIn(const Message& message, const FieldDescriptor& field, int index, const std::string& at) {
  const auto& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
      if (field.full_name() == "google.api.HttpBody.data") return {};  // as large as the door lets it be
      if (field.type() == FieldDescriptor::TYPE_BYTES) return {at, text.size() > kMaxBytes ? "too long" : ""};
      return {at, WrongIn(text, KindOf(field))};
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      const double number = one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index);
      return {at, std::isfinite(number) ? "" : "is no number"};
    }
    case FieldDescriptor::CPPTYPE_FLOAT: {
      const float number = one ? r.GetFloat(message, &field) : r.GetRepeatedFloat(message, &field, index);
      return {at, std::isfinite(number) ? "" : "is no number"};
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int value = one ? r.GetEnumValue(message, &field) : r.GetRepeatedEnumValue(message, &field, index);
      return {at, field.enum_type()->FindValueByNumber(value) ? "" : "is no value of this release"};
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner = one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index);
      const std::string& type = field.message_type()->full_name();
      if (type == "google.protobuf.Any") return {at, "is not taken"};
      Wrong wrong = Find(inner, at + ".");
      if (wrong.why.empty() && type == "google.protobuf.Timestamp") return {at, WrongTime(inner)};
      return wrong;
    }
    default:
      return {};
  }
}

Wrong Find(const Message& message, const std::string& prefix) {
  const auto& r = *message.GetReflection();
  if (const auto& unknown = r.GetUnknownFields(message); !unknown.empty())
    return {absl::StrCat(prefix, unknown.field(0).number()), "is no field of this release"};
  std::vector<const FieldDescriptor*> fields;
  r.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string at = absl::StrCat(prefix, field->name());
    if (!field->is_repeated()) {
      if (Wrong wrong = FindIn(message, *field, -1, at); !wrong.why.empty()) return wrong;
      continue;
    }
    const int size = r.FieldSize(message, field);
    if (size > kMaxElements) return {at, "too many"};
    for (int i = 0; i < size; ++i)
      if (Wrong wrong = FindIn(message, *field, i, absl::StrCat(at, "[", i, "]")); !wrong.why.empty()) return wrong;
  }
  return {};
}

}  // namespace

StringKind KindOf(const FieldDescriptor& field) {
  const auto& kinds = Kinds();
  auto found = kinds.find(absl::StrCat(field.containing_type()->name(), ".", field.name()));
  if (found == kinds.end()) found = kinds.find(field.name());
  return found == kinds.end() ? StringKind::kId : found->second;
}

grpc::Status CheckWellFormed(const Message& request) {
  Wrong wrong = Find(request, "");
  if (wrong.why.empty()) return grpc::Status::OK;
  return RuntimeError("REASON_INVALID_ARGUMENT", std::move(wrong.field), std::move(wrong.why));
}

}  // namespace civicmesh
