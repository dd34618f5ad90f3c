#include "services/runtime/rpc/access_for_tests.h"

#include <google/protobuf/text_format.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/notification.h"
#include "civicmesh/options/v1/options.pb.h"

namespace civicmesh {
namespace {

constexpr char kTime[] = "2026-11-18T10:00:00+08:00";

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

std::unique_ptr<Message> NewRequest(const MethodDescriptor& method) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type())->New());
}

bool Gives(const options::v1::Access& access, int role) {
  return std::any_of(access.rights().begin(), access.rights().end(), [role](const options::v1::Right& right) {
    return std::count(right.roles().begin(), right.roles().end(), role) > 0;
  });
}

std::string WrongAnswerTo(const TriedService& service, const MethodDescriptor& method, int role) {
  const auto& access = method.options().GetExtension(options::v1::access);
  const bool named = role != 0 && Gives(access, role), may = access.anonymous() || named;
  ActorView actor;
  const std::string post = options::v1::Role_Name(static_cast<options::v1::Role>(role)).substr(sizeof("ROLE_") - 1);
  if (role != 0)
    actor = {.subject = absl::StrCat("some-", post), .posts = {{.role = post, .unit = "u-any", .area = ""}}};
  const auto ask = [&](const ActorView& by) { return Ask(service, by, kTime, method, *NewRequest(method)); };
  const grpc::Status answer = ask(actor);
  const auto refusal = role == 0 ? grpc::StatusCode::UNAUTHENTICATED : grpc::StatusCode::PERMISSION_DENIED;
  const std::string who = absl::StrCat(method.name(), " by ", role == 0 ? "nobody" : post, ": ", Told(answer));
  if (may == (answer.error_code() == refusal))
    return absl::StrCat(who, may ? ", though it may" : ", though it may not");
  if (may && !named && Told(answer) != Told(ask({}))) return absl::StrCat(who, ", nobody is told ", Told(ask({})));
  return "";
}

}  // namespace

grpc::Status Ask(const TriedService& service, const ActorView& actor, const std::string& time,
                 const MethodDescriptor& method, const Message& request) {
  grpc::GenericStub stub(service.channel);
  const std::string bytes = request.SerializeAsString();
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer sent(&slice, 1);
  grpc::ByteBuffer answer;
  grpc::Status status;
  absl::Notification answered;
  const auto context = service.as(actor, time);
  stub.UnaryCall(context.get(), absl::StrCat("/", method.service()->full_name(), "/", method.name()), {}, &sent,
                 &answer, [&](grpc::Status s) {
                   status = std::move(s);
                   answered.Notify();
                 });
  answered.WaitForNotification();
  return status;
}

std::string Told(const grpc::Status& status) {
  return absl::StrCat(status.error_code(), " ", status.error_message(), " ", status.error_details());
}

std::map<std::string, bool> NamedPosts(const MethodDescriptor& method) {
  std::map<std::string, bool> posts;
  const auto& access = method.options().GetExtension(options::v1::access);
  const auto* roles = google::protobuf::GetEnumDescriptor<options::v1::Role>();
  for (int r = 0; r < roles->value_count(); ++r)
    if (roles->value(r)->number() != options::v1::ROLE_UNSPECIFIED)
      posts[roles->value(r)->name().substr(sizeof("ROLE_") - 1)] = Gives(access, roles->value(r)->number());
  return posts;
}

TriedService Tried(ServiceForTests& service) {
  return {service.Channel(),
          [&service](const ActorView& actor, const std::string& time) { return service.As(actor, time); }};
}

std::vector<std::string> WrongAnswersToPosts(const TriedService& service, const std::string& rpcs) {
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(rpcs);
  if (!found) return {absl::StrCat(rpcs, " is not linked in")};
  std::vector<std::string> wrong;
  const auto* roles = google::protobuf::GetEnumDescriptor<options::v1::Role>();
  for (int m = 0; m < found->method_count(); ++m)
    for (int r = 0; r < roles->value_count(); ++r)
      if (auto answer = WrongAnswerTo(service, *found->method(m), roles->value(r)->number()); !answer.empty())
        wrong.push_back(std::move(answer));
  return wrong;
}

std::vector<std::string> WrongAnswersToPosts(ServiceForTests& service, const std::string& rpcs) {
  return WrongAnswersToPosts(Tried(service), rpcs);
}

std::string WrongAnswersToObjects(ServiceForTests& service, const ObjectCase& o) {
  const auto ask = [&](const std::string& name) {
    return Ask(Tried(service), o.actor, o.time, *o.method, *o.request(name));
  };
  const grpc::Status nowhere = ask(o.nowhere), beyond = ask(o.beyond), within = ask(o.within);
  const std::string who = absl::StrCat(o.method->name(), " by ", o.actor.subject, ": ");
  if (nowhere.error_code() != grpc::StatusCode::NOT_FOUND)
    return absl::StrCat(who, "what is nowhere is answered ", Told(nowhere));
  // What repeats the name that was asked for may differ in it alone.
  const std::string same = absl::StrReplaceAll(Told(beyond), {{o.beyond, o.nowhere}});
  if (same != Told(nowhere))
    return absl::StrCat(who, "what is out of reach is answered ", Told(beyond), ", what is nowhere ", Told(nowhere));
  if (within.error_code() == grpc::StatusCode::NOT_FOUND ||
      within.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
      within.error_code() == grpc::StatusCode::INVALID_ARGUMENT)
    return absl::StrCat(who, "what is within reach is answered ", Told(within));
  return "";
}

std::vector<std::string> PostsWithScope(const MethodDescriptor& method, Scope scope) {
  std::vector<std::string> posts;
  for (const auto& right : method.options().GetExtension(options::v1::access).rights())
    for (int role : right.roles())
      if (right.scope() == static_cast<options::v1::Scope>(scope))
        posts.push_back(options::v1::Role_Name(static_cast<options::v1::Role>(role)).substr(sizeof("ROLE_") - 1));
  return posts;
}

std::unique_ptr<Message> RequestFor(ServiceForTests& service, const MethodDescriptor& method, const std::string& text,
                                    const std::string& name) {
  auto request = NewRequest(method);
  if (!google::protobuf::TextFormat::ParseFromString(text, request.get())) {
    fprintf(stderr, "%s does not take: %s\n", method.name().c_str(), text.c_str());
    abort();
  }
  const auto* fields = request->GetDescriptor();
  if (const auto* id = fields->FindFieldByName("request_id"))
    request->GetReflection()->SetString(request.get(), id, service.NewRequestId());
  for (const char* about : {"name", "parent"})
    if (const auto* field = fields->FindFieldByName(about))
      request->GetReflection()->SetString(request.get(), field, name);
  return request;
}

}  // namespace civicmesh
