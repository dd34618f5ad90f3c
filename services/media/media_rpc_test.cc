// MediaService through a real gRPC server, over an in-memory store.
#include "services/media/media_rpc.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "civicmesh/media/v1/media_kept.pb.h"
#include "civicmesh/media/v1/media_service.grpc.pb.h"
#include "services/media/uploads.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/objects/buckets.h"
#include "services/runtime/objects/memory_object_store.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/auth.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/gate.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/rpc_server.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/rpc/test_tokens.h"

namespace civicmesh::media {
namespace {

using testing::IsEmpty;

const std::string kFile = "what was posted", kKey(32, 'k');
const ActorView kCitizen{.subject = "citizen-1", .posts = {{.role = "CITIZEN"}}};
const ActorView kOther{.subject = "citizen-2", .posts = {{.role = "CITIZEN"}}};

class MediaRpcTest : public testing::Test {
 protected:
  void SetUp() override {
    context_.gate = &gate_;
    auto server = RpcServer::Start("", false, {MakeMediaRpc(context_, &uploads_)}, &metrics_, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override { server_->Shutdown(absl::Seconds(5)); }

  std::unique_ptr<grpc::ClientContext> As(const ActorView& actor) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (actor.subject.empty()) return context;
    std::vector<std::string> roles;
    for (const Post& post : actor.posts) roles.push_back(post.role);
    context->AddMetadata("authorization", "Bearer " + issuer_.Token({{"iss", "i"},
                                                                     {"aud", "a"},
                                                                     {"sub", actor.subject},
                                                                     {"exp", clock_->wall_ms() / 1000 + 60},
                                                                     {"roles", roles}}));
    return context;
  }
  TriedService Tried() {
    return {server_->server().InProcessChannel({}),
            [this](const ActorView& actor, const std::string&) { return As(actor); }};
  }
  std::string NewRequestId() { return absl::StrCat("01930000-0000-7000-8000-", 100'000'000'000 + next_++); }
  v1::CreateUploadRequest Announced() {
    v1::CreateUploadRequest request;
    request.set_request_id(NewRequestId());
    request.set_content_type("image/jpeg");
    request.set_size_bytes(static_cast<int64_t>(kFile.size()));
    request.set_sha256(Sha256(kFile));
    return request;
  }
  // Announced by `actor` and posted.
  v1::Upload Posted(const ActorView& actor) {
    v1::Upload upload;
    const auto status = Stub()->CreateUpload(As(actor).get(), Announced(), &upload);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    EXPECT_TRUE(store_.Put(kIncomingBucket, upload.form().fields().at("key"), kFile, "image/jpeg").ok());
    return upload;
  }
  static v1::FinishUploadRequest FinishOf(const v1::Upload& upload) {
    v1::FinishUploadRequest request;
    request.set_name(upload.name());
    request.set_claim(upload.claim());
    return request;
  }
  std::unique_ptr<v1::MediaService::Stub> Stub() {
    return v1::MediaService::NewStub(server_->server().InProcessChannel({}));
  }
  std::string AllBytes() {
    std::string bytes;
    for (const std::string& key : store_.Keys()) {
      const size_t slash = key.find('/');
      absl::StrAppend(&bytes, key, "\n", store_.Get(key.substr(0, slash), key.substr(slash + 1), 1 << 20).value(),
                      "\n");
    }
    return bytes;
  }

  const Clock* const clock_ = Clock::Real();
  TestIssuer issuer_;
  std::unique_ptr<TokenVerifier> tokens_ =
      *TokenVerifier::Make({.jwks = issuer_.Jwks(), .issuer = "i", .audience = "a", .development = true});
  MemoryObjectStore store_{absl::Now};
  const Uploads uploads_{UploadParts{
      .store = &store_,
      .claims = SigningKeys({kKey}, "upload claim"),
      .attachments = std::make_shared<const Attachments>(SigningKeys({kKey}, "upload ticket"), S3Place{"http://city:1"},
                                                         S3Login{"links", "secret"}),
      .public_place = {.url = "http://city:1"},
      .poster = {"poster", "secret"},
      .decode = [](const std::string& file, const std::string&) -> absl::StatusOr<std::variant<Decoded, Refusal>> {
        return Decoded{.parts = {{"photo.jpg", file, "image/jpeg"}}, .facts = std::make_shared<v1::Facts>()};
      },
      .now = absl::Now}};
  Metrics metrics_{"media"};
  const ReferenceLibrary references_{{}};
  Gate gate_{tokens_.get(), PeopleOf(references_), clock_, false};
  ServiceContext context_{.domain = "media", .shards = 0, .clock = clock_, .metrics = &metrics_};
  std::unique_ptr<RpcServer> server_;
  int64_t next_ = 0;
};

TEST_F(MediaRpcTest, OnlyPostsThatAnRpcNamesMayCallItAndAllOthersAsNobody) {
  EXPECT_THAT(WrongAnswersToPosts(Tried(), "civicmesh.media.v1.MediaService"), IsEmpty());
}

TEST_F(MediaRpcTest, AnothersUploadIsAnsweredAsOneThatIsNotThere) {
  const v1::Upload mine = Posted(kCitizen);
  v1::Upload answer;
  v1::FinishUploadRequest nowhere = FinishOf(mine);
  nowhere.set_claim("none");
  const auto foreign = Stub()->FinishUpload(As(kOther).get(), FinishOf(mine), &answer);
  const auto missing = Stub()->FinishUpload(As(kOther).get(), nowhere, &answer);
  EXPECT_EQ(foreign.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Told(foreign), Told(missing));
  EXPECT_TRUE(Stub()->FinishUpload(As(kCitizen).get(), FinishOf(mine), &answer).ok());
  EXPECT_EQ(answer.state(), v1::UPLOAD_STATE_READY);
}

TEST_F(MediaRpcTest, EveryFieldIsBounded) {
  const FieldRules rules = {{"CreateUploadRequest.content_type", Id()},
                            {"CreateUploadRequest.size_bytes", Number(1, Uploads::kMaxBytes)},
                            {"CreateUploadRequest.sha256", Digest()},
                            {"FinishUploadRequest.name", Name()},
                            {"FinishUploadRequest.claim", Name()}};
  const std::vector<RequestCase> cases = {
      {"CreateUpload", kCitizen, "", [&] { return std::make_unique<v1::CreateUploadRequest>(Announced()); }},
      {"FinishUpload", kCitizen, "",
       [&] { return std::make_unique<v1::FinishUploadRequest>(FinishOf(Posted(kCitizen))); }}};
  EXPECT_THAT(WrongAnswersToFields(Tried(),
                                   {.request_id = [&] { return NewRequestId(); },
                                    .bytes = [&] { return AllBytes(); },
                                    .facts = [] { return 0; },
                                    .person_token = [](const std::string& subject) { return subject; }},
                                   "civicmesh.media.v1.MediaService", rules, cases),
              IsEmpty());
}

TEST_F(MediaRpcTest, WhereTheStoreIsAwayItSaysWhenToAskAgain) {
  const v1::Upload mine = Posted(kCitizen);
  store_.calls_left = 0;
  v1::Upload answer;
  const auto status = Stub()->FinishUpload(As(kCitizen).get(), FinishOf(mine), &answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "REASON_STORE_AWAY");
  EXPECT_NE(status.error_details().find("RetryInfo"), std::string::npos);
}

}  // namespace
}  // namespace civicmesh::media
