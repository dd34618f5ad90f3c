#include "services/civicctl/replay/mesh.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "civicmesh/intake/v1/intake_service.pb.h"
#include "services/civicctl/keys.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/gate.h"

namespace civicmesh::civicctl {
namespace {

// The door lets a connection carry 512 calls.
constexpr int kChannels = 2;
constexpr std::chrono::seconds kDeadline(10);
constexpr absl::Duration kFirstRepeat = absl::Milliseconds(50), kLongestRepeat = absl::Seconds(2);
// An effect takes some milliseconds to get through two logs.
constexpr absl::Duration kFirstLook = absl::Milliseconds(4), kLongestLook = absl::Milliseconds(250);
constexpr char kHttp[] = "http://";

absl::Time Now() { return absl::FromUnixMillis(Clock::Real()->steady_ms()); }

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string Bytes(grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// "" where there is none.
std::string RequestIdOf(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  return field ? request.GetReflection()->GetString(request, field) : "";
}

bool Again(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Mesh::Channels {
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  size_t next = 0;
};

// A call with all its repetitions.
struct Mesh::Attempts {
  std::string method, token, time, service, trace, bytes, key;
  Answered done;
  absl::Time since;
  absl::Duration wait = kFirstRepeat;

  // A report that is safe in the inbox and not decided yet: the story goes on with what is decided.
  bool OnlyReceived(const std::string& answer) const {
    intake::v1::Report report;
    return absl::EndsWith(method, "/SubmitReport") && report.ParseFromString(answer) &&
           report.status() == intake::v1::REPORT_STATUS_RECEIVED;
  }
};

absl::StatusOr<std::unique_ptr<Mesh>> Mesh::Make(MeshOptions options, Loop* loop, Diary* diary) {
  if (!absl::StartsWith(options.door, kHttp))
    return absl::InvalidArgumentError(absl::StrCat("--door=", options.door, " must be as http://127.0.0.1:8311"));
  std::unique_ptr<Mesh> mesh(new Mesh(std::move(options), loop, diary));
  if (!mesh->acknowledged_) return absl::InvalidArgumentError("the file of acknowledged commands cannot be written");
  return mesh;
}

Mesh::Mesh(MeshOptions options, Loop* loop, Diary* diary)
    : options_(std::move(options)), loop_(loop), diary_(diary), channels_(std::make_unique<Channels>()) {
  const std::string target = options_.door.substr(sizeof kHttp - 1);
  absl::BitGen random;
  trace_run_ = absl::Uniform<uint64_t>(absl::IntervalClosed, random, 1, std::numeric_limits<uint64_t>::max());
  if (!options_.acknowledged.empty()) acknowledged_.open(options_.acknowledged, std::ios::app);
  for (int i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("civicmesh.channel", i);  // unlike arguments, so a connection of its own
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    channels_->stubs.push_back(std::make_unique<grpc::GenericStub>(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments)));
  }
}

Mesh::~Mesh() = default;

absl::StatusOr<std::string> Mesh::TokenOf(const Caller& caller) {
  if (caller.subject.empty()) return "";
  std::string& token = tokens_[caller.subject];
  if (token.empty()) {
    auto minted = MintToken(options_.keys, {.subject = caller.subject, .roles = {}, .unit = ""});
    if (!minted.ok()) return minted.status();
    token = absl::StrCat("Bearer ", *minted);
  }
  return token;
}

bool Mesh::Recall(const std::string& key, const Answered& done) {
  const Diary::Answer* known = diary_ && !key.empty() ? diary_->Find(key) : nullptr;
  // Not at once: who calls has not finished calling.
  if (known) loop_->Post([known, done] { done(known->status, known->bytes); });
  return known != nullptr;
}

void Mesh::Send(const Caller& caller, absl::Time at, const google::protobuf::Message& request, Answered done,
                std::string key) {
  const std::string request_id = RequestIdOf(request);
  if (key.empty()) key = request_id;
  if (Recall(key, done)) return;
  if (diary_ && !request_id.empty()) diary_->Asked(request_id);
  const auto* method = MethodTaking(request.GetDescriptor());
  auto token = TokenOf(caller);
  if (!method || !token.ok()) {
    const std::string why = method ? std::string(token.status().message()) : "no method takes this request";
    return done({grpc::StatusCode::INVALID_ARGUMENT, why}, "");
  }
  auto attempts = std::make_shared<Attempts>();
  attempts->method = absl::StrCat("/", method->service()->full_name(), "/", method->name());
  attempts->token = *std::move(token);
  if (at != absl::InfinitePast()) attempts->time = absl::FormatTime(absl::RFC3339_full, at, absl::UTCTimeZone());
  if (const auto* field = request.GetDescriptor()->FindFieldByName("service"))
    attempts->service = request.GetReflection()->GetString(request, field);
  // One for all attempts, which are one command.
  ++traces_;
  attempts->trace = absl::StrFormat("00-%016x%016x-%016x-01", trace_run_, traces_, traces_);
  attempts->bytes = request.SerializeAsString();
  attempts->done = std::move(done);
  attempts->key = std::move(key);
  attempts->since = Now();
  Try(std::move(attempts));
}

void Mesh::Try(std::shared_ptr<Attempts> attempts) {
  struct Wire {
    grpc::ClientContext context;
    grpc::ByteBuffer request, response;
  };
  auto wire = std::make_shared<Wire>();
  if (!attempts->token.empty()) wire->context.AddMetadata("authorization", attempts->token);
  if (!attempts->time.empty()) wire->context.AddMetadata("civicmesh-time", attempts->time);
  wire->context.AddMetadata("traceparent", attempts->trace);
  // Every service serves the same control methods: the door tells them apart by this header.
  if (!attempts->service.empty()) wire->context.AddMetadata("x-civicmesh-service", attempts->service);
  wire->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  wire->request = Buffer(attempts->bytes);
  ++calls_;
  most_in_flight_ = std::max(most_in_flight_, ++in_flight_);
  channels_->stubs[channels_->next++ % kChannels]->UnaryCall(
      &wire->context, attempts->method, grpc::StubOptions(), &wire->request, &wire->response,
      [this, wire, attempts](grpc::Status status) {
        loop_->Post([this, wire, attempts, status] {
          --in_flight_;
          Answer(attempts, status, status.ok() ? Bytes(wire->response) : "");
        });
      });
}

void Mesh::Answer(std::shared_ptr<Attempts> attempts, const grpc::Status& status, const std::string& bytes) {
  const bool again = status.ok() ? attempts->OnlyReceived(bytes) : Again(status);
  if (!again || Now() - attempts->since > options_.patience) {
    if (status.ok()) Note(*attempts);
    // Whoever only lost the connection has not been answered.
    if (diary_ && !attempts->key.empty() && (status.ok() || !ReasonOf(status).empty()) && !again)
      diary_->Answered(attempts->key, status, bytes);
    return attempts->done(status, bytes);
  }
  ++repeats_;
  loop_->After(attempts->wait, [this, attempts] { Try(attempts); });
  attempts->wait = std::min(attempts->wait * 2, kLongestRepeat);
}

void Mesh::Note(const Attempts& attempts) {
  if (!acknowledged_.is_open() || attempts.time.empty()) return;
  acknowledged_ << attempts.method << "\t" << attempts.trace << std::endl;
}

void Mesh::Watch(const Caller& caller, std::shared_ptr<google::protobuf::Message> request,
                 std::function<bool(const std::string&)> taken) {
  loop_->After(kFirstLook, [=, this] { Look(caller, request, taken, kFirstLook, Now()); });
}

void Mesh::Look(const Caller& caller, std::shared_ptr<google::protobuf::Message> request,
                std::function<bool(const std::string&)> taken, absl::Duration wait, absl::Time since) {
  Answered looked = [=, this](const grpc::Status& status, const std::string& bytes) {
    if (status.ok() && taken(bytes)) return;
    const bool never = !status.ok() && status.error_code() != grpc::StatusCode::NOT_FOUND;
    if (never || Now() - since > options_.patience)
      return on_failure(absl::UnavailableError(
          absl::StrCat("waited in vain for ", request->GetDescriptor()->name(), " {", request->ShortDebugString(), "}",
                       status.ok() ? "" : absl::StrCat(": ", NameOfRefusal(status)))));
    const absl::Duration next = std::min(wait * 1.5, kLongestLook);
    loop_->After(next, [=, this] { Look(caller, request, taken, next, since); });
  };
  Send(caller, absl::InfinitePast(), *request, std::move(looked), "");
}

std::string NameOfRefusal(const grpc::Status& status) {
  const std::string reason = ReasonOf(status);
  if (!reason.empty()) return reason;
  return absl::StrCat("code ", static_cast<int>(status.error_code()), " ", status.error_message());
}

}  // namespace civicmesh::civicctl
