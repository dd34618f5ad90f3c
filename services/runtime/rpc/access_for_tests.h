// Who may do what, tried rather than believed: every RPC of a service, as its descriptors list them, with every post.
//
//   EXPECT_THAT(WrongAnswersToPosts(service_, "civicmesh.points.v1.PointsService"), IsEmpty());
//   EXPECT_EQ(WrongAnswersToObjects(service_, {.method = method, .actor = li, .request = …, .within = …, .beyond = …,
//                                              .nowhere = …}), "");
//
// For tests only: they answer in words what is wrong. Block until the calls are answered. tests/house/protos fails
// where a service of proto/ is tried by none of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "services/runtime/rpc/service_for_tests.h"

namespace civicmesh {

// Where calls go, and what a call of somebody at a business time carries (ServiceForTests::As).
struct TriedService {
  std::shared_ptr<grpc::Channel> channel;
  std::function<std::unique_ptr<grpc::ClientContext>(const ActorView& actor, const std::string& time)> as;
};
TriedService Tried(ServiceForTests& service);

// One call, and what was answered as words: code, message and details.
grpc::Status Ask(const TriedService& service, const ActorView& actor, const std::string& time,
                 const google::protobuf::MethodDescriptor& method, const google::protobuf::Message& request);
std::string Told(const grpc::Status& status);

// Each post that there is, as "DISPATCHER", and whether the method names it.
std::map<std::string, bool> NamedPosts(const google::protobuf::MethodDescriptor& method);

// Each RPC by each post alone, by a citizen and without a token, all with an empty request: who has no right to it is
// refused with PERMISSION_DENIED (UNAUTHENTICATED without a token), who has one is answered otherwise. An RPC that is
// open to all answers a post that it does not name as it answers nobody.
std::vector<std::string> WrongAnswersToPosts(const TriedService& service, const std::string& rpcs);
std::vector<std::string> WrongAnswersToPosts(ServiceForTests& service, const std::string& rpcs);

// One RPC on objects of one kind, by somebody who may call it.
struct ObjectCase {
  const google::protobuf::MethodDescriptor* method = nullptr;
  ActorView actor;
  std::string time;  // business time, RFC 3339
  // Its request about the object of that name, good in all else.
  std::function<std::unique_ptr<google::protobuf::Message>(const std::string& name)> request;
  std::string within;   // an object that the actor reaches
  std::string beyond;   // one that it does not
  std::string nowhere;  // a name like them that nothing has
};

// "" where the one within reach is not refused as missing or forbidden, and the one beyond is answered exactly as the
// one that is nowhere: with NOT_FOUND and the same words, reason and details.
std::string WrongAnswersToObjects(ServiceForTests& service, const ObjectCase& objects);

// The posts that the method's access option gives that scope.
std::vector<std::string> PostsWithScope(const google::protobuf::MethodDescriptor& method, Scope scope);

// A request of `method` from its text, with a fresh request_id where it takes one, and `name` in its field name or
// parent.
std::unique_ptr<google::protobuf::Message> RequestFor(ServiceForTests& service,
                                                      const google::protobuf::MethodDescriptor& method,
                                                      const std::string& text, const std::string& name);

}  // namespace civicmesh
