#include "services/runtime/objects/attachments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "civicmesh/type/v1/type.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/text_format.h"

namespace civicmesh {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using type::v1::Attachment;

const absl::Time kNow = absl::FromUnixSeconds(1790000000);
const std::string kKey(32, 'k');

// As requests and answers of the services have them: Holder{photos, voices, inner}.
class Holders {
 public:
  Holders() : pool_(google::protobuf::DescriptorPool::generated_pool()) {
    google::protobuf::FileDescriptorProto file;
    google::protobuf::TextFormat::ParseFromString(
        R"pb(name: "holder.proto"
             syntax: "proto3"
             package: "test"
             dependency: "civicmesh/type/v1/type.proto"
             message_type {
               name: "Holder"
               field {
                 name: "photos"
                 number: 1
                 label: LABEL_REPEATED
                 type: TYPE_MESSAGE
                 type_name: ".civicmesh.type.v1.Attachment"
               }
               field {
                 name: "voices"
                 number: 2
                 label: LABEL_REPEATED
                 type: TYPE_MESSAGE
                 type_name: ".civicmesh.type.v1.Attachment"
               }
               field { name: "inner" number: 3 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: ".test.Holder" }
               field { name: "name" number: 4 label: LABEL_OPTIONAL type: TYPE_STRING }
             })pb",
        &file);
    const auto* built = pool_.BuildFile(file);
    factory_.SetDelegateToGeneratedFactory(true);
    prototype_ = factory_.GetPrototype(built->message_type(0));
  }
  std::unique_ptr<google::protobuf::Message> New() const {
    return std::unique_ptr<google::protobuf::Message>(prototype_->New());
  }

 private:
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  const google::protobuf::Message* prototype_;
};

Attachment* Add(google::protobuf::Message* to, const char* field) {
  return static_cast<Attachment*>(to->GetReflection()->AddMessage(to, to->GetDescriptor()->FindFieldByName(field)));
}
const Attachment& At(const google::protobuf::Message& in, const char* field, int index) {
  return static_cast<const Attachment&>(
      in.GetReflection()->GetRepeatedMessage(in, in.GetDescriptor()->FindFieldByName(field), index));
}

class AttachmentsTest : public testing::Test {
 protected:
  static Attachment Facts(bool voice = false) {
    Attachment facts;
    facts.set_uri("uploads/u-1");
    facts.set_sha256(std::string(32, 's'));
    facts.set_size_bytes(1000);
    if (voice) {
      facts.set_length_ms(2500);
    } else {
      facts.set_width_px(640);
      facts.set_height_px(480);
      facts.set_perceptual_hash(77);
      facts.mutable_taken_location()->set_latitude(28.2);
    }
    return facts;
  }
  static Attachment Sent(const std::string& ticket, Attachment::Kind kind = Attachment::KIND_NEAR) {
    Attachment sent;
    sent.set_uri("uploads/u-1");
    sent.set_ticket(ticket);
    sent.set_kind(kind);
    return sent;
  }
  std::optional<std::string> Take(const Attachment& photo, const std::string& subject = "citizen-1",
                                  absl::Time now = kNow) {
    request_->Clear();
    *Add(request_.get(), "photos") = photo;
    return attachments_.Take(subject, now, request_.get());
  }

  const Attachments attachments_{SigningKeys({kKey}, "upload ticket"), S3Place{"http://city:1"},
                                 S3Login{"key", "secret"}};
  const Holders holders_;
  const std::unique_ptr<google::protobuf::Message> request_ = holders_.New();
};

TEST_F(AttachmentsTest, ATicketSaysAllButTheKind) {
  Attachment sent = Sent(attachments_.Ticket("citizen-1", Facts(), false, kNow));
  sent.set_size_bytes(999999);
  sent.set_sha256("another");
  sent.set_width_px(5);
  EXPECT_EQ(Take(sent), std::nullopt);
  Attachment wanted = Facts();
  wanted.set_kind(Attachment::KIND_NEAR);
  EXPECT_EQ(At(*request_, "photos", 0).SerializeAsString(), wanted.SerializeAsString());
}

TEST_F(AttachmentsTest, AnUploadNeedsATicketOfItsOwnAndOfWhoSendsIt) {
  const std::string mine = attachments_.Ticket("citizen-1", Facts(), false, kNow);
  EXPECT_EQ(Take(Sent("")), "photos");
  EXPECT_EQ(Take(Sent(mine + "A")), "photos");
  EXPECT_EQ(Take(Sent(Attachments(SigningKeys({std::string(32, 'x')}, "upload ticket"), {}, {})
                          .Ticket("citizen-1", Facts(), false, kNow))),
            "photos");
  EXPECT_EQ(Take(Sent(mine), "citizen-2"), "photos");
  EXPECT_EQ(Take(Sent(mine), ""), "photos");
  Attachment another = Sent(mine);
  another.set_uri("uploads/u-2");
  EXPECT_EQ(Take(another), "photos");
  EXPECT_EQ(Take(Sent(mine), "citizen-1", kNow + Attachments::kTicketLife), std::nullopt);
  EXPECT_EQ(Take(Sent(mine), "citizen-1", kNow + Attachments::kTicketLife + absl::Milliseconds(1)), "photos");
}

TEST_F(AttachmentsTest, WhatWasUploadedWithoutATokenIsForWhoHasTheTicket) {
  const std::string anybodys = attachments_.Ticket("", Facts(), false, kNow);
  EXPECT_EQ(Take(Sent(anybodys), "citizen-2"), std::nullopt);
  EXPECT_EQ(Take(Sent(anybodys), ""), std::nullopt);
}

TEST_F(AttachmentsTest, ARecordingIsNoPicture) {
  const std::string voice = attachments_.Ticket("citizen-1", Facts(true), true, kNow);
  EXPECT_EQ(Take(Sent(voice)), "photos");
  request_->Clear();
  *Add(request_.get(), "voices") = Sent(voice, Attachment::KIND_VOICE);
  EXPECT_EQ(attachments_.Take("citizen-1", kNow, request_.get()), std::nullopt);
  EXPECT_EQ(At(*request_, "voices", 0).length_ms(), 2500);
  *Add(request_.get(), "voices") = Sent(attachments_.Ticket("citizen-1", Facts(), false, kNow), Attachment::KIND_VOICE);
  EXPECT_EQ(attachments_.Take("citizen-1", kNow, request_.get()), "voices");
}

TEST_F(AttachmentsTest, AnothersOwnKeyIsLeftAsItIsAndMayNotSayWhatOnlyATicketSays) {
  Attachment foreign;
  foreign.set_uri("camera-7/0815.jpg");
  foreign.set_sha256(std::string(32, 's'));
  foreign.set_kind(Attachment::KIND_NEAR);
  foreign.set_size_bytes(5);
  EXPECT_EQ(Take(foreign), std::nullopt);
  EXPECT_EQ(At(*request_, "photos", 0).SerializeAsString(), foreign.SerializeAsString());

  const auto refused = [&](auto change) {
    Attachment more = foreign;
    change(more);
    return Take(more) == "photos";
  };
  EXPECT_TRUE(refused([](Attachment& a) { a.set_ticket("x"); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.set_width_px(1); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.set_height_px(1); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.set_length_ms(1); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.set_perceptual_hash(1); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.mutable_taken_location(); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.set_link("x"); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.set_thumbnail_link("x"); }));
  EXPECT_TRUE(refused([](Attachment& a) { a.mutable_links_expire_at(); }));
}

TEST_F(AttachmentsTest, WithoutAStoreNoUploadIsTaken) {
  const Attachments none(SigningKeys({}, "upload ticket"), {}, {});
  *Add(request_.get(), "photos") = Sent(attachments_.Ticket("", Facts(), false, kNow));
  EXPECT_EQ(none.Take("", kNow, request_.get()), "photos");
}

TEST_F(AttachmentsTest, LinksStandBesideUploadsWhereverTheyAreInTheAnswer) {
  const auto shown = holders_.New();
  *Add(shown.get(), "photos") = Facts();
  Add(shown.get(), "photos")->set_uri("camera-7/0815.jpg");
  auto* inner = shown->GetReflection()->MutableMessage(shown.get(), shown->GetDescriptor()->FindFieldByName("inner"));
  *Add(inner, "photos") = Facts();
  *Add(inner, "voices") = Facts(true);
  attachments_.ShowLinks(kNow, shown.get());
  const Attachment& photo = At(*shown, "photos", 0);
  EXPECT_THAT(photo.link(), StartsWith("http://city:1/civicmesh-media/u-1/photo.jpg?X-Amz-"));
  EXPECT_THAT(photo.link(), HasSubstr("X-Amz-Expires=600&"));
  EXPECT_THAT(photo.thumbnail_link(), StartsWith("http://city:1/civicmesh-media/u-1/thumbnail.jpg?"));
  EXPECT_EQ(photo.links_expire_at().seconds(), absl::ToUnixSeconds(kNow) + 600);
  EXPECT_EQ(At(*shown, "photos", 1).link(), "");
  EXPECT_EQ(At(*inner, "photos", 0).link(), photo.link());
  EXPECT_THAT(At(*inner, "voices", 0).link(), HasSubstr("/u-1/voice.ogg?"));
  EXPECT_EQ(At(*inner, "voices", 0).thumbnail_link(), "");
}

class AttachmentsEnvironment : public testing::Test {
 protected:
  static void Set(const char* tickets, const char* links, const char* url) {
    setenv("CIVICMESH_MEDIA_TICKET_KEYS", tickets, 1);
    setenv("CIVICMESH_OBJECTS_LINKS", links, 1);
    setenv("CIVICMESH_OBJECTS_PUBLIC_URL", url, 1);
  }
  ~AttachmentsEnvironment() override { Set("", "", ""); }
};

TEST_F(AttachmentsEnvironment, AllOfItOrNone) {
  const std::string key(64, 'a');
  Set("", "", "");
  EXPECT_TRUE(Attachments::FromEnvironment().ok());
  Set(key.c_str(), "key:secret", "http://city:1");
  EXPECT_TRUE(Attachments::FromEnvironment().ok());
  Set(key.c_str(), "", "http://city:1");
  EXPECT_FALSE(Attachments::FromEnvironment().ok());
  Set("", "key:secret", "http://city:1");
  EXPECT_FALSE(Attachments::FromEnvironment().ok());
  Set(key.c_str(), "key:secret", "");
  EXPECT_FALSE(Attachments::FromEnvironment().ok());
  Set(key.c_str(), "nothing", "http://city:1");
  EXPECT_FALSE(Attachments::FromEnvironment().ok());
}

}  // namespace
}  // namespace civicmesh
