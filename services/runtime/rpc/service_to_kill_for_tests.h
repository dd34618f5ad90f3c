// A service's own program on the real Kafka and Redis of tests/run, to be killed in the middle of things; and calls as
// a client makes them, who repeats what is unknown with the same request_id.
//
//   ServiceToKill service(PROGRAM, "intake", 8);
//   auto stub = v1::IntakeService::NewStub(service.Connect());
//   auto status = service.Call(*stub, {.subject = "u1", .posts = Posts({"CITIZEN"})}, &Stub::SubmitReport, request,
//   &report); service.Kill(); service.Spawn();
//
// For tests only: fails them where the environment or the broker is not there. Call, Connect and NewRequestId are
// thread-safe. Call blocks until there is an answer that is certain, LoadReference and Quiesce until it is so, at most
// 90 seconds; the bound is for a test that fails.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh {

class ServiceToKill {
 public:
  // Makes the domain's topics where they are missing, and starts the program.
  ServiceToKill(std::string program, const std::string& domain, int shards);
  ~ServiceToKill();
  ServiceToKill(const ServiceToKill&) = delete;

  // SIGKILL; returns when the process is gone.
  void Kill();
  void Spawn();

  std::shared_ptr<grpc::Channel> Connect() const;
  std::string NewRequestId();
  const std::string& broker() const { return broker_; }

  // Puts `content` into the reference topic and activates it in all shards.
  void LoadReference(const std::string& kind, const std::string& content);
  // Returns once all shards and policies rest.
  void Quiesce();

  template <typename Stub, typename Request, typename Response>
  grpc::Status Call(Stub& stub, const ActorView& actor,
                    grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                    Response* response) const {
    const absl::Time until = absl::Now() + absl::Seconds(90);
    grpc::Status status;
    do {
      grpc::ClientContext context;
      context.set_wait_for_ready(true);
      context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
      context.AddMetadata("authorization", "Bearer " + TokenOf(actor));
      response->Clear();
      status = (stub.*rpc)(&context, request, response);
    } while (absl::Now() < until && (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                                     status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED));
    return status;
  }

 private:
  std::string TokenOf(const ActorView& actor) const;

  const std::string program_, domain_;
  const int shards_;
  const std::string broker_, redis_, jwks_, socket_;
  const TestIssuer issuer_;
  std::atomic<int> requests_{0};
  pid_t pid_ = 0;
};

}  // namespace civicmesh
