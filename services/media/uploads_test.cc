#include "services/media/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/media/v1/media_kept.pb.h"
#include "civicmesh/media/v1/media_service.pb.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/objects/buckets.h"
#include "services/runtime/objects/memory_object_store.h"

namespace civicmesh::media {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kFile = "what was posted", kKey(32, 'k'), kRequest = "01930000-0000-7000-8000-000000000001";

class UploadsTest : public testing::Test {
 protected:
  UploadParts Parts() {
    return {.store = &store_,
            .claims = SigningKeys({kKey}, "upload claim"),
            .attachments = attachments_,
            .public_place = {.url = "http://city:1"},
            .poster = {"poster", "secret"},
            .decode = [this](const std::string& file, const std::string& type) { return Decode(file, type); },
            .transcribe = [](const std::string& voice) { return "heard: " + voice; },
            .now = [this] { return now_; }};
  }
  absl::StatusOr<std::variant<Decoded, Refusal>> Decode(const std::string& file, const std::string& type) {
    ++looked_;
    if (!decoder_.ok()) return decoder_;
    if (file == "no picture") return Refuse(v1::REASON_NOT_A_PICTURE, "content_type");
    Decoded decoded{.facts = std::make_shared<v1::Facts>()};
    if (type == "audio/ogg") {
      decoded.facts->set_voice(true);
      decoded.facts->mutable_attachment()->set_length_ms(1500);
      decoded.parts = {{"voice.ogg", "made of " + file, "audio/ogg"}};
    } else {
      decoded.facts->mutable_attachment()->set_width_px(640);
      decoded.parts = {{"photo.jpg", "made of " + file, "image/jpeg"}, {"thumbnail.jpg", "small", "image/jpeg"}};
    }
    return decoded;
  }
  static v1::CreateUploadRequest Announced(const std::string& file = kFile, const std::string& type = "image/jpeg") {
    v1::CreateUploadRequest request;
    request.set_request_id(kRequest);
    request.set_content_type(type);
    request.set_size_bytes(static_cast<int64_t>(file.size()));
    request.set_sha256(Sha256(file));
    return request;
  }
  v1::Upload Created(const std::string& subject, const v1::CreateUploadRequest& request = Announced()) {
    return std::get<v1::Upload>(uploads_.Create(subject, request));
  }
  void Post(const v1::Upload& upload, const std::string& file = kFile) {
    ASSERT_TRUE(store_.Put(kIncomingBucket, upload.form().fields().at("key"), file, "image/jpeg").ok());
  }
  Uploads::Answer Finished(const v1::Upload& upload, const std::string& subject = "citizen-1") {
    v1::FinishUploadRequest request;
    request.set_name(upload.name());
    request.set_claim(upload.claim());
    return uploads_.Finish(subject, request);
  }
  static std::string ReasonOf(const Uploads::Answer& answer) {
    const auto* refused = std::get_if<Refusal>(&answer);
    return refused ? refused->reason + " " + refused->field : "taken";
  }

  absl::Time now_ = absl::FromUnixSeconds(1790000000);
  MemoryObjectStore store_{[this] { return now_; }};
  const std::shared_ptr<const Attachments> attachments_ = std::make_shared<const Attachments>(
      SigningKeys({kKey}, "upload ticket"), S3Place{"http://city:1"}, S3Login{"links", "secret"});
  absl::Status decoder_;
  int looked_ = 0;
  const Uploads uploads_{Parts()};
};

TEST_F(UploadsTest, AnAnnouncementHasToSayWhatItIs) {
  const auto reason = [&](auto change) {
    v1::CreateUploadRequest request = Announced();
    change(request);
    return ReasonOf(uploads_.Create("citizen-1", request));
  };
  EXPECT_EQ(reason([](auto&) {}), "taken");
  EXPECT_EQ(reason([](auto& r) { r.set_request_id("1"); }), "REASON_BAD_REQUEST_ID request_id");
  for (const char* type : {"", "image/gif", "image/svg+xml", "text/html", "image/jpeg; x=1", "IMAGE/JPEG"})
    EXPECT_EQ(reason([&](auto& r) { r.set_content_type(type); }), "REASON_CONTENT_TYPE content_type") << type;
  for (int64_t size : {int64_t{0}, int64_t{-1}, Uploads::kMaxBytes + 1})
    EXPECT_EQ(reason([&](auto& r) { r.set_size_bytes(size); }), "REASON_SIZE size_bytes") << size;
  EXPECT_EQ(reason([](auto& r) { r.set_size_bytes(Uploads::kMaxBytes); }), "taken");
  EXPECT_EQ(reason([](auto& r) { r.set_sha256("short"); }), "REASON_DIGEST sha256");
  EXPECT_THAT(store_.Keys(), IsEmpty());
}

TEST_F(UploadsTest, TheSameAnnouncementIsTheSameUploadAndNoOtherIs) {
  const std::string name = Created("citizen-1").name();
  EXPECT_EQ(Created("citizen-1").name(), name);
  EXPECT_NE(Created("citizen-2").name(), name);
  EXPECT_NE(Created("citizen-1", Announced("another")).name(), name);
}

TEST_F(UploadsTest, WhatWasPostedIsKeptAndMayBeAttached) {
  const v1::Upload created = Created("citizen-1");
  EXPECT_EQ(created.form().url(), "http://city:1/civicmesh-incoming");
  EXPECT_EQ(ReasonOf(Finished(created)), "REASON_NOT_UPLOADED name");
  Post(created);
  const v1::Upload ready = std::get<v1::Upload>(Finished(created));
  EXPECT_EQ(ready.state(), v1::UPLOAD_STATE_READY);
  EXPECT_EQ(ready.attachment().sha256(), Sha256("made of " + kFile));
  EXPECT_EQ(ready.attachment().size_bytes(), 8 + kFile.size());
  EXPECT_THAT(ready.attachment().thumbnail_link(), StartsWith("http://city:1/civicmesh-media/u-"));
  EXPECT_EQ(ready.transcript(), "");
  const std::string id = ready.name().substr(8);
  EXPECT_THAT(store_.Keys(),
              ElementsAre("civicmesh-incoming/unused/" + id, "civicmesh-media/" + id + "/facts",
                          "civicmesh-media/" + id + "/photo.jpg", "civicmesh-media/" + id + "/thumbnail.jpg"));

  intake::v1::ReportForwarded request;
  *request.add_photos() = ready.attachment();
  request.mutable_photos(0)->set_kind(type::v1::Attachment::KIND_AFTER);
  EXPECT_EQ(attachments_->Take("citizen-1", now_, &request), std::nullopt);
  EXPECT_EQ(request.photos(0).width_px(), 640);
  EXPECT_EQ(attachments_->Take("citizen-2", now_, &request), "photos");
}

TEST_F(UploadsTest, FinishedAgainItIsTheSameAndNotLookedAtAgain) {
  const v1::Upload created = Created("citizen-1");
  Post(created);
  const v1::Upload once = std::get<v1::Upload>(Finished(created)), again = std::get<v1::Upload>(Finished(created));
  EXPECT_EQ(once.SerializeAsString(), again.SerializeAsString());
  EXPECT_EQ(looked_, 1);
}

TEST_F(UploadsTest, AKillAfterAnyStepIsMadeGoodByTheNextCall) {
  const v1::Upload created = Created("citizen-1");
  for (int calls = 1;; ++calls) {
    Post(created);
    store_.calls_left = calls;
    const std::string first = ReasonOf(Finished(created));
    // What came after the last step was to no avail; the file is as ready as it will be.
    EXPECT_THAT(first, AnyOf("REASON_STORE_AWAY ", "taken"));
    store_.calls_left = -1;
    EXPECT_EQ(ReasonOf(Finished(created)), "taken") << calls;
    const std::string id = created.name().substr(8);
    EXPECT_EQ(store_.Get(kMediaBucket, id + "/photo.jpg", 100).value(), "made of " + kFile);
    EXPECT_TRUE(store_.Get(kIncomingBucket, "unused/" + id, 100).ok());
    for (const std::string& key : store_.Keys()) {
      const size_t slash = key.find('/');
      store_.Delete(key.substr(0, slash), key.substr(slash + 1)).IgnoreError();
    }
    if (first == "taken" && calls > 8) break;
    ASSERT_LT(calls, 20);
  }
}

TEST_F(UploadsTest, AClaimIsForOneUploadOfOnePersonAndOneDay) {
  v1::Upload created = Created("citizen-1");
  Post(created);
  EXPECT_EQ(ReasonOf(Finished(created, "citizen-2")), "REASON_CLAIM claim");
  EXPECT_EQ(ReasonOf(Finished(created, "")), "REASON_CLAIM claim");
  v1::Upload forged = created;
  forged.set_claim(Created("citizen-1", Announced("another")).claim());
  EXPECT_EQ(ReasonOf(Finished(forged)), "REASON_CLAIM name");
  forged.set_claim(created.claim().substr(1));
  EXPECT_EQ(ReasonOf(Finished(forged)), "REASON_CLAIM claim");
  // A ticket is signed with the same key.
  forged.set_claim(attachments_->Ticket("citizen-1", {}, false, now_));
  EXPECT_EQ(ReasonOf(Finished(forged)), "REASON_CLAIM claim");
  now_ += Uploads::kClaimLife + absl::Seconds(1);
  EXPECT_EQ(ReasonOf(Finished(created)), "REASON_CLAIM claim");
  now_ -= absl::Seconds(1);
  EXPECT_EQ(ReasonOf(Finished(created)), "taken");
}

TEST_F(UploadsTest, WhoHasNoTokenUploadsForWhoeverHasTheClaim) {
  const v1::Upload created = Created("");
  Post(created);
  EXPECT_EQ(ReasonOf(Finished(created, "citizen-2")), "taken");
  EXPECT_EQ(ReasonOf(Finished(created, "")), "taken");
}

TEST_F(UploadsTest, AnotherFileThanAnnouncedIsNotTaken) {
  const v1::Upload created = Created("citizen-1");
  for (const std::string& other : {std::string("WHAT was posted"), kFile + "!", std::string()}) {
    Post(created, other);
    EXPECT_EQ(ReasonOf(Finished(created)), "REASON_OTHER_FILE name") << other;
  }
  Post(created);
  EXPECT_EQ(ReasonOf(Finished(created)), "taken");
}

TEST_F(UploadsTest, WhatIsNoPictureGoesAtOnce) {
  const v1::Upload created = Created("citizen-1", Announced("no picture"));
  Post(created, "no picture");
  EXPECT_EQ(ReasonOf(Finished(created)), "REASON_NOT_A_PICTURE content_type");
  EXPECT_THAT(store_.Keys(), IsEmpty());
}

TEST_F(UploadsTest, WhereTheDecoderIsAwayTheFileWaits) {
  const v1::Upload created = Created("citizen-1");
  Post(created);
  decoder_ = absl::UnavailableError("no processes left");
  EXPECT_EQ(ReasonOf(Finished(created)), "REASON_STORE_AWAY ");
  decoder_ = absl::OkStatus();
  EXPECT_EQ(ReasonOf(Finished(created)), "taken");
}

TEST_F(UploadsTest, ARecordingComesWithWhatWasHeard) {
  const v1::Upload created = Created("citizen-1", Announced(kFile, "audio/ogg"));
  Post(created);
  for (int time = 0; time < 2; ++time) {
    const v1::Upload ready = std::get<v1::Upload>(Finished(created));
    EXPECT_EQ(ready.transcript(), "heard: made of " + kFile);
    EXPECT_EQ(ready.attachment().kind(), type::v1::Attachment::KIND_VOICE);
    EXPECT_EQ(ready.attachment().length_ms(), 1500);
  }
}

}  // namespace
}  // namespace civicmesh::media
