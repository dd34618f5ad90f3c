// Calls through the door: native gRPC over HTTP/2, a token of the caller's, the business time, repeated with the same
// request_id until they are answered.
//
//   mesh.Call<dispatch::v1::Case>(staff.One("REGISTRAR", id), at, request, [=](const grpc::Status& s,
//   dispatch::v1::Case c) {…}); mesh.Await<intake::v1::Report>(reader, get, [](const intake::v1::Report& r) { return
//   !r.case_().empty(); }, done);
//
// One thread, the loop's, on which everything that is given is called too. Nothing blocks.
#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/status.h"
#include "services/civicctl/replay/diary.h"
#include "services/civicctl/replay/loop.h"

namespace civicmesh::civicctl {

// Who calls; an empty subject calls without a token.
struct Caller {
  std::string subject;
};

struct MeshOptions {
  std::string door;  // "http://127.0.0.1:8311"
  std::string keys;  // the folder of the signing key
  // How long a call is repeated, and an effect awaited.
  absl::Duration patience = absl::Minutes(5);
  // A file to which each acknowledged command's method and traceparent are added as a line, before anybody else hears
  // of the answer; empty: none.
  std::string acknowledged;
};

class Mesh {
 public:
  // INVALID_ARGUMENT: the door is no http address, or acknowledged cannot be written. What the diary (null: none) knows
  // is not asked again. `loop` and `diary` outlive the mesh.
  static absl::StatusOr<std::unique_ptr<Mesh>> Make(MeshOptions options, Loop* loop, Diary* diary = nullptr);
  ~Mesh();

  // The method is the one that takes `request`, which is copied. `at` is the business time; InfinitePast for reads.
  // Ends with OK, a refusal, or UNAVAILABLE once patience is over. The diary knows a command by its request_id, and a
  // read only where it is given a name, `key`.
  template <typename Response>
  void Call(const Caller& caller, absl::Time at, const google::protobuf::Message& request,
            std::function<void(const grpc::Status&, Response)> done, std::string key = "") {
    Answered parsed = [done = std::move(done)](const grpc::Status& status, const std::string& bytes) {
      Response response;
      if (status.ok() && !response.ParseFromString(bytes))
        return done({grpc::StatusCode::INTERNAL, "the answer does not parse"}, {});
      done(status, std::move(response));
    };
    Send(caller, at, request, std::move(parsed), std::move(key));
  }

  // Reads until what is read is `there`; what does not exist yet is read again. Where it never comes, or may not be
  // read, on_failure hears of it and `done` is not called.
  template <typename Response>
  void Await(const Caller& caller, const google::protobuf::Message& request, std::function<bool(const Response&)> there,
             std::function<void(Response)> done) {
    auto owned = std::shared_ptr<google::protobuf::Message>(request.New());
    owned->CopyFrom(request);
    Watch(caller, std::move(owned), [there = std::move(there), done = std::move(done)](const std::string& bytes) {
      Response response;
      if (!response.ParseFromString(bytes) || !there(response)) return false;
      done(std::move(response));
      return true;
    });
  }

  // Hears of what cannot be gone on from. Set before the first call.
  std::function<void(absl::Status)> on_failure;

  int64_t calls() const { return calls_; }
  // Repeated because the answer was "unknown" or "too much".
  int64_t repeats() const { return repeats_; }
  int most_in_flight() const { return most_in_flight_; }

 private:
  struct Attempts;
  using Answered = std::function<void(const grpc::Status&, const std::string& bytes)>;

  Mesh(MeshOptions options, Loop* loop, Diary* diary);
  void Send(const Caller& caller, absl::Time at, const google::protobuf::Message& request, Answered done,
            std::string key);
  // Answers from the diary; false: it does not know it yet.
  bool Recall(const std::string& key, const Answered& done);
  void Try(std::shared_ptr<Attempts> attempts);
  void Answer(std::shared_ptr<Attempts> attempts, const grpc::Status& status, const std::string& bytes);
  void Watch(const Caller& caller, std::shared_ptr<google::protobuf::Message> request,
             std::function<bool(const std::string&)> taken);
  void Look(const Caller& caller, std::shared_ptr<google::protobuf::Message> request,
            std::function<bool(const std::string&)> taken, absl::Duration wait, absl::Time since);
  void Note(const Attempts& attempts);
  // The authorization header; "" without a subject.
  absl::StatusOr<std::string> TokenOf(const Caller& caller);

  struct Channels;
  const MeshOptions options_;
  Loop* const loop_;
  Diary* const diary_;
  std::unique_ptr<Channels> channels_;
  std::ofstream acknowledged_;
  uint64_t trace_run_;  // the first half of all trace ids
  uint64_t traces_ = 0;
  std::map<std::string, std::string> tokens_;
  int64_t calls_ = 0, repeats_ = 0;
  int in_flight_ = 0, most_in_flight_ = 0;
};

// "REASON_FULL" with the code, for tallies.
std::string NameOfRefusal(const grpc::Status& status);

}  // namespace civicmesh::civicctl
