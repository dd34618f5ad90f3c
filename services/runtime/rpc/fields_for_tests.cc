#include "services/runtime/rpc/fields_for_tests.h"

#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/options/v1/options.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/rpc/errors.h"

namespace civicmesh {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using grpc::StatusCode;
using Kind = FieldRule::Kind;
using Path = std::vector<const FieldDescriptor*>;

constexpr char kPhone[] = "13911112222", kIdentity[] = "330102199001011234", kControls[] = "a\x01\x02z";
constexpr char kStranger[] = "stranger-";
const std::string& Endless() {
  static const auto* const text = new std::string(100'000, 'x');
  return *text;
}

constexpr char kTimestamp[] = "google.protobuf.Timestamp";
bool IsTime(const FieldDescriptor& field) {
  return field.message_type() && field.message_type()->full_name() == kTimestamp;
}

// As rules name it.
std::string KeyOf(const FieldDescriptor& field) {
  return absl::StrCat(field.containing_type()->name(), ".", field.name());
}

std::string TextOf(const Path& path) {
  std::string text;
  for (const auto* field : path) absl::StrAppend(&text, text.empty() ? "" : ".", field->name());
  return text;
}

// Every field of the message, those of its messages too.
void Collect(const google::protobuf::Descriptor& message, const Path& at, std::vector<Path>* paths) {
  for (int f = 0; f < message.field_count(); ++f) {
    Path path = at;
    path.push_back(message.field(f));
    if (!message.field(f)->message_type() || IsTime(*message.field(f)) || message.field(f)->is_repeated())
      paths->push_back(path);
    if (message.field(f)->message_type() && !IsTime(*message.field(f)))
      Collect(*message.field(f)->message_type(), path, paths);
  }
}

// The message that holds the last field of `path`; null where it is not set.
Message* HolderOf(Message* message, const Path& path) {
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    const auto& r = *message->GetReflection();
    if (!path[i]->is_repeated())
      message = r.HasField(*message, path[i]) ? r.MutableMessage(message, path[i]) : nullptr;
    else
      message = r.FieldSize(*message, path[i]) > 0 ? r.MutableRepeatedMessage(message, path[i], 0) : nullptr;
    if (!message) return nullptr;
  }
  return message;
}

bool IsSet(Message* message, const Path& path) {
  Message* holder = HolderOf(message, path);
  if (!holder) return false;
  const auto& r = *holder->GetReflection();
  if (path.back()->is_repeated()) return r.FieldSize(*holder, path.back()) > 0;
  // Whether a flag is set cannot be told from its being true.
  return path.back()->cpp_type() == FieldDescriptor::CPPTYPE_BOOL || r.HasField(*holder, path.back());
}

// One value that nobody should send.
struct Hostile {
  std::string what;
  std::function<void(Message* holder, const FieldDescriptor* field)> put;
  std::set<StatusCode> answers = {StatusCode::INVALID_ARGUMENT};
};

Hostile Text(std::string what, std::string value, std::set<StatusCode> answers = {StatusCode::INVALID_ARGUMENT}) {
  return {std::move(what),
          [value = std::move(value)](Message* holder, const FieldDescriptor* field) {
            if (field->is_repeated())
              holder->GetReflection()->SetRepeatedString(holder, field, 0, value);
            else
              holder->GetReflection()->SetString(holder, field, value);
          },
          std::move(answers)};
}

Hostile Integer(int64_t value) {
  return {absl::StrCat(value), [value](Message* holder, const FieldDescriptor* field) {
            if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64)
              holder->GetReflection()->SetInt64(holder, field, value);
            else
              holder->GetReflection()->SetInt32(holder, field, static_cast<int32_t>(value));
          }};
}

Hostile Decimal(double value) {
  return {absl::StrCat(value), [value](Message* holder, const FieldDescriptor* field) {
            holder->GetReflection()->SetDouble(holder, field, value);
          }};
}

Hostile Instant(std::string what, int64_t seconds, int nanos = 0,
                std::set<StatusCode> answers = {StatusCode::INVALID_ARGUMENT}) {
  return {std::move(what),
          [=](Message* holder, const FieldDescriptor* field) {
            Message* time = holder->GetReflection()->MutableMessage(holder, field);
            time->GetReflection()->SetInt64(time, time->GetDescriptor()->FindFieldByName("seconds"), seconds);
            time->GetReflection()->SetInt32(time, time->GetDescriptor()->FindFieldByName("nanos"), nanos);
          },
          std::move(answers)};
}

std::vector<Hostile> Strings(std::set<StatusCode> answers) {
  return {Text("a person's number", kPhone, answers), Text("an identity card", kIdentity, answers),
          Text("a way out", "../../etc/passwd", answers), Text("control characters", kControls, answers),
          Text("a text without end", Endless(), std::move(answers))};
}

std::vector<Hostile> HostileWords(const FieldRule& rule) {
  std::string longer;
  for (int64_t i = 0; i <= rule.most; ++i) longer += "字";
  std::vector<Hostile> values = {Text("control characters", kControls), Text("a text without end", Endless()),
                                 Text(absl::StrCat(rule.most + 1, " characters"), longer)};
  // Taken where it is sealed: tried last, for it may use up what the request is about.
  const auto number = absl::StrCat("电话", kPhone, "。");
  values.push_back(rule.personal ? Text("a person's number", number, {StatusCode::INVALID_ARGUMENT, StatusCode::OK})
                                 : Text("a person's number", number));
  return values;
}

std::vector<Hostile> HostileTimes(const FieldRule& rule) {
  std::vector<Hostile> values = {Instant("before the year 1", std::numeric_limits<int64_t>::min()),
                                 Instant("after the year 9999", std::numeric_limits<int64_t>::max()),
                                 Instant("less than no nanoseconds", 1'794'967'200, -1),
                                 Instant("too many nanoseconds", 1'794'967'200, 1'000'000'000)};
  const std::set<StatusCode> refused = {StatusCode::INVALID_ARGUMENT, StatusCode::FAILED_PRECONDITION};
  if (!rule.past) values.push_back(Instant("long ago", 1, 0, refused));
  if (!rule.future) values.push_back(Instant("the year 9000", 221'845'392'000, 0, refused));
  return values;
}

std::vector<Hostile> HostileNumbers(const FieldRule& rule, bool wide) {
  std::vector<Hostile> values;
  const int64_t lowest = wide ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int32_t>::min(),
                highest = wide ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int32_t>::max();
  if (rule.least > lowest)
    for (int64_t value : {rule.least - 1, lowest}) values.push_back(Integer(value));
  if (rule.most < highest)
    for (int64_t value : {rule.most + 1, highest}) values.push_back(Integer(value));
  return values;
}

Hostile Many(int64_t count) {
  return {absl::StrCat(count, " of them"), [count](Message* holder, const FieldDescriptor* field) {
            const auto& r = *holder->GetReflection();
            while (r.FieldSize(*holder, field) < count)
              r.AddMessage(holder, field)->CopyFrom(r.GetRepeatedMessage(*holder, field, 0));
          }};
}

// Any value of the field's own kind.
void Say(Message* holder, const FieldDescriptor* field) {
  const auto& r = *holder->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return r.SetString(holder, field, "x");
    case FieldDescriptor::CPPTYPE_INT32:
      return r.SetInt32(holder, field, 1);
    case FieldDescriptor::CPPTYPE_INT64:
      return r.SetInt64(holder, field, 1);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.SetUInt64(holder, field, 1);
    default:
      r.MutableMessage(holder, field);
  }
}

std::vector<Hostile> HostileTo(const FieldDescriptor& field, const FieldRule& rule) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
  switch (rule.kind) {
    case Kind::kWords:
      return HostileWords(rule);
    case Kind::kId:
    case Kind::kObjectKey:
      return Strings({StatusCode::INVALID_ARGUMENT});
    case Kind::kReference:
      return {Text("a person's number", kPhone), Text("control characters", kControls),
              Text("a text without end", Endless())};
    case Kind::kName:
      return Strings({StatusCode::INVALID_ARGUMENT, StatusCode::NOT_FOUND});
    case Kind::kEtag:
      return Strings({StatusCode::INVALID_ARGUMENT, StatusCode::ABORTED});
    case Kind::kNumber:
      return HostileNumbers(rule, field.cpp_type() == FieldDescriptor::CPPTYPE_INT64);
    case Kind::kDegrees: {
      const double most = static_cast<double>(rule.most);
      return {Decimal(kNan),         Decimal(kInf),          Decimal(-kInf),
              Decimal(most + 0.001), Decimal(-most - 0.001), Decimal(std::numeric_limits<double>::max())};
    }
    case Kind::kValue: {
      std::vector<Hostile> values;
      for (int value : {99, -1, std::numeric_limits<int>::max()})
        values.push_back({absl::StrCat(value), [value](Message* holder, const FieldDescriptor* f) {
                            holder->GetReflection()->SetEnumValue(holder, f, value);
                          }});
      return values;
    }
    case Kind::kTime:
      return HostileTimes(rule);
    case Kind::kDigest:
      return {Text("31 bytes", std::string(31, 's')), Text("33 bytes", std::string(33, 's')),
              Text("endless", Endless())};
    case Kind::kList:
      return {Many(rule.most + 1), Many(rule.most + 300)};
    case Kind::kNever:
      return {{"anything", Say}};
    case Kind::kFree:
      if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return {};
      return {Text("control characters", kControls), Text("a text without end", Endless())};
    case Kind::kFlag:
      return {};
  }
  return {};
}

// What is the same everywhere.
const FieldRule* RuleFor(const FieldDescriptor& field, const FieldRules& rules) {
  static const auto* const common = new std::map<std::string, FieldRule>{
      {"request_id", Id()},
      {"page_token", Id()},
      {"etag", Etag()},
      {"page_size", Number(0, std::numeric_limits<int32_t>::max())}};  // more than a page is a page
  if (auto found = rules.find(KeyOf(field)); found != rules.end()) return &found->second;
  auto found = common->find(field.name());
  return found == common->end() ? nullptr : &found->second;
}

// The field that a refusal names, without the places in lists.
std::string FieldOf(const grpc::Status& status) {
  google::rpc::Status rich;
  google::rpc::BadRequest bad;
  if (!rich.ParseFromString(status.error_details())) return "";
  for (const auto& detail : rich.details()) detail.UnpackTo(&bad);
  std::string field;
  bool within = false;
  for (char c : bad.field_violations_size() == 1 ? bad.field_violations(0).field() : "") {
    within = (within || c == '[') && c != ']';
    if (!within && c != ']') field.push_back(c);
  }
  return field;
}

bool Names(const std::string& named, const std::string& path) {
  return !named.empty() && (named == path || absl::StartsWith(path, named + "."));
}

class Trial {
 public:
  Trial(const TriedService& service, const LogForTests& log, const MethodDescriptor& method, const FieldRules& rules,
        const RequestCase& request)
      : service_(service), log_(log), method_(method), rules_(rules), case_(request) {
    Collect(*method.input_type(), {}, &paths_);
  }

  std::vector<std::string> Run(std::set<std::string>* used) {
    for (const Path& path : paths_) used->insert(KeyOf(*path.back()));
    for (Path& path : paths_) {
      // What must not be said is tried as a whole.
      const auto never = std::find_if(path.begin(), path.end(), [this](const auto* field) { return IsNever(*field); });
      if (never != path.end()) path.erase(never + 1, path.end());
      used->insert(KeyOf(*path.back()));
    }
    paths_.erase(std::unique(paths_.begin(), paths_.end()), paths_.end());
    Renew();
    const auto whole = NewRequest();
    for (const Path& path : paths_)
      if (!IsSet(whole.get(), path) && !IsNever(*path.back()) && RuleFor(*path.back(), rules_) &&
          !case_.unset.count(TextOf(path)) && path.back()->name() != "page_token" && path.back()->name() != "etag")
        Wrong(TextOf(path), "is not set by the valid request");
    const int64_t facts = log_.facts();
    for (const Path& path : paths_) {
      const FieldRule* rule = RuleFor(*path.back(), rules_);
      if (!rule) {
        Wrong(TextOf(path), "stands in no rule");
        continue;
      }
      for (const Hostile& hostile : HostileTo(*path.back(), *rule)) Try(path, hostile);
    }
    if (!accepted_ && log_.facts() != facts) Wrong("", "what was refused has published facts");
    TryPosts();
    TryStrangers();
    Renew();
    const grpc::Status status = Ask(service_, case_.actor, case_.time, method_, *NewRequest());
    if (!status.ok()) Wrong("", absl::StrCat("the valid request is answered ", Told(status)));
    return std::move(wrong_);
  }

 private:
  bool IsNever(const FieldDescriptor& field) const {
    const FieldRule* rule = RuleFor(field, rules_);
    return rule && rule->kind == Kind::kNever;
  }
  void Wrong(const std::string& field, const std::string& why) {
    wrong_.push_back(absl::StrCat(method_.name(), field.empty() ? "" : ".", field, ": ", why));
  }

  void Renew() { valid_ = case_.valid(); }

  std::unique_ptr<Message> NewRequest() {
    std::unique_ptr<Message> request(valid_->New());
    request->CopyFrom(*valid_);
    if (const auto* id = method_.input_type()->FindFieldByName("request_id"))
      request->GetReflection()->SetString(request.get(), id, log_.request_id());
    return request;
  }

  void Try(const Path& path, const Hostile& hostile) {
    const auto request = NewRequest();
    Message* holder = HolderOf(request.get(), path);
    if (!holder) return;
    hostile.put(holder, path.back());
    const grpc::Status status = Ask(service_, case_.actor, case_.time, method_, *request);
    if (status.ok()) {
      accepted_ = true;
      Renew();
    }
    if (!hostile.answers.count(status.error_code()))
      return Wrong(TextOf(path), absl::StrCat(hostile.what, " is answered ", status.error_code(), " ", ReasonOf(status),
                                              " ", FieldOf(status)));
    if (status.ok()) return;
    if (ReasonOf(status).empty()) Wrong(TextOf(path), absl::StrCat(hostile.what, " is refused without a reason"));
    if (!Names(FieldOf(status), TextOf(path)))
      Wrong(TextOf(path),
            absl::StrCat(hostile.what, " is refused as a wrong ", FieldOf(status), " (", ReasonOf(status), ")"));
  }

  // Those who may call, by what they may not set.
  void TryPosts() {
    std::vector<std::string> posts;
    for (const auto& [post, named] : NamedPosts(method_))
      if (named) posts.push_back(post);
    if (method_.options().GetExtension(options::v1::access).anonymous()) posts.emplace_back();
    for (const Path& path : paths_) {
      const FieldRule* rule = RuleFor(*path.back(), rules_);
      if (!rule || rule->only.empty()) continue;
      for (const std::string& post : posts) TryPost(path, *rule, post);
    }
  }

  void TryPost(const Path& path, const FieldRule& rule, const std::string& post) {
    ActorView actor;
    if (!post.empty())
      actor = {.subject = absl::StrCat("as-", post), .posts = {{.role = post, .unit = "u-any", .area = ""}}};
    Renew();
    const auto request = NewRequest();
    if (!IsSet(request.get(), path)) return;
    for (const Path& other : paths_) {
      const FieldRule* its = RuleFor(*other.back(), rules_);
      Message* holder = HolderOf(request.get(), other);
      if (holder && other != path && its && !its->only.empty() && !its->only.count(post))
        holder->GetReflection()->ClearField(holder, other.back());
    }
    const grpc::Status status = Ask(service_, actor, case_.time, method_, *request);
    const bool may = rule.only.count(post) > 0, named = FieldOf(status) == TextOf(path);
    // Without a token something else may be missing first.
    if (may ? named : post.empty() ? status.ok() : !named)
      Wrong(TextOf(path), absl::StrCat("set by ", post.empty() ? "nobody" : post, " is answered ", Told(status)));
  }

  // A token of a post that an RPC which is open to all does not name is worth as much as none, and leaves as little.
  void TryStrangers() {
    if (!method_.options().GetExtension(options::v1::access).anonymous()) return;
    for (const auto& [post, named] : NamedPosts(method_)) {
      if (named) continue;
      Renew();
      const ActorView actor{.subject = absl::StrCat(kStranger, post),
                            .posts = {{.role = post, .unit = "u-any", .area = ""}}};
      const grpc::Status status = Ask(service_, actor, case_.time, method_, *NewRequest());
      Renew();
      const grpc::Status nobody = Ask(service_, {}, case_.time, method_, *NewRequest());
      if (Told(status) != Told(nobody))
        Wrong("", absl::StrCat(post, " is answered ", Told(status), ", nobody ", Told(nobody)));
      if (absl::StrContains(log_.bytes(), log_.person_token(actor.subject)))
        Wrong("", absl::StrCat("the log knows the ", post, " who called as anybody may"));
    }
  }

  const TriedService& service_;
  const LogForTests& log_;
  const MethodDescriptor& method_;
  const FieldRules& rules_;
  const RequestCase& case_;
  std::vector<Path> paths_;
  std::unique_ptr<Message> valid_;
  std::vector<std::string> wrong_;
  bool accepted_ = false;
};

}  // namespace

std::vector<std::string> WrongAnswersToFields(const TriedService& service, const LogForTests& log,
                                              const std::string& rpcs, const FieldRules& rules,
                                              const std::vector<RequestCase>& cases) {
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(rpcs);
  if (!found) return {absl::StrCat(rpcs, " is not linked in")};
  std::vector<std::string> wrong;
  std::set<std::string> tried, used;
  for (const RequestCase& one : cases) {
    const auto* method = found->FindMethodByName(one.method);
    if (!method) {
      wrong.push_back(absl::StrCat(one.method, " is no RPC"));
      continue;
    }
    tried.insert(one.method);
    const auto answers = Trial(service, log, *method, rules, one).Run(&used);
    wrong.insert(wrong.end(), answers.begin(), answers.end());
  }
  for (int m = 0; m < found->method_count(); ++m)
    if (!tried.count(found->method(m)->name()))
      wrong.push_back(absl::StrCat(found->method(m)->name(), " is tried by no case"));
  for (const auto& [field, rule] : rules)
    if (!used.count(field)) wrong.push_back(absl::StrCat(field, " is no field of these RPCs"));
  const std::string bytes = log.bytes();
  for (const std::string& kept : {std::string(kPhone), std::string(kIdentity), std::string(kControls),
                                  std::string(kStranger), Endless().substr(0, 20'001)})
    if (absl::StrContains(bytes, kept)) wrong.push_back(absl::StrCat("the log holds ", kept.substr(0, 40)));
  return wrong;
}

std::vector<std::string> WrongAnswersToFields(ServiceForTests& service, const std::string& rpcs,
                                              const FieldRules& rules, const std::vector<RequestCase>& cases) {
  const auto facts = [&service] {
    service.Quiesce();
    int64_t count = 0;
    const auto reader = service.journal().NewReader();
    for (int shard = 0; shard < service.shards(); ++shard) count += reader->GetBounds({Topic::kEvents, shard})->end;
    return count;
  };
  return WrongAnswersToFields(Tried(service),
                              {.request_id = [&] { return service.NewRequestId(); },
                               .bytes = [&] { return service.AllBytes(); },
                               .facts = facts,
                               .person_token = [&](const std::string& of) { return service.persons().Of(of); }},
                              rpcs, rules, cases);
}

}  // namespace civicmesh
