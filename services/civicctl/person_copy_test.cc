// The copy against services of ours that answer over gRPC; the whole of it against a city: uploads_test.
#include "services/civicctl/person_copy.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "civicmesh/intake/v1/vault_service.grpc.pb.h"
#include "civicmesh/points/v1/points_service.grpc.pb.h"
#include "civicmesh/volunteering/v1/volunteering_service.grpc.pb.h"
#include "services/civicctl/call_for_tests.h"
#include "services/civicctl/files.h"
#include "services/civicctl/person_folder.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {
namespace {

using grpc::ServerContext;
using grpc::Status;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

// A page for each entry: the token says which comes next.
int PageOf(const std::string& token) { return token.empty() ? 0 : std::stoi(token); }
template <typename Answer>
void SetNext(int page, int pages, Answer* answer) {
  if (page + 1 < pages) answer->set_next_page_token(absl::StrCat(page + 1));
}

struct FakeCity final : intake::v1::VaultService::Service,
                        points::v1::PointsService::Service,
                        volunteering::v1::VolunteeringService::Service {
  std::vector<intake::v1::PersonalData::PersonalReport> reports;
  std::string account_of = "p-1", bearer;
  int pages = 3, transactions_asked = 0;
  std::map<int, Status> transactions_fail;  // by the number of the call

  Status CopyPersonalData(ServerContext* context, const intake::v1::CopyPersonalDataRequest* request,
                          intake::v1::PersonalData* answer) override {
    const auto header = context->client_metadata().find("authorization");
    if (header != context->client_metadata().end()) bearer = {header->second.begin(), header->second.end()};
    EXPECT_TRUE(UuidV7Time(request->request_id())) << request->request_id();
    const int page = PageOf(request->page_token());
    answer->set_person_token("p-1");
    if (page < static_cast<int>(reports.size())) *answer->add_reports() = reports[page];
    SetNext(page, static_cast<int>(reports.size()), answer);
    return Status::OK;
  }
  Status GetAccount(ServerContext*, const points::v1::GetAccountRequest* request,
                    points::v1::Account* answer) override {
    EXPECT_EQ(request->name(), "accounts/me");
    answer->set_owner_token(account_of);
    answer->set_available(7);
    return Status::OK;
  }
  Status ListTransactions(ServerContext*, const points::v1::ListTransactionsRequest* request,
                          points::v1::ListTransactionsResponse* answer) override {
    if (auto fails = transactions_fail.find(transactions_asked++); fails != transactions_fail.end())
      return fails->second;
    EXPECT_EQ(request->parent(), "accounts/me");
    answer->add_transactions()->set_number(PageOf(request->page_token()));
    SetNext(PageOf(request->page_token()), pages, answer);
    return Status::OK;
  }
  Status ListRedemptions(ServerContext*, const points::v1::ListRedemptionsRequest* request,
                         points::v1::ListRedemptionsResponse* answer) override {
    answer->add_redemptions()->set_voucher(absl::StrCat("voucher-", PageOf(request->page_token())));
    SetNext(PageOf(request->page_token()), pages, answer);
    return Status::OK;
  }
  Status ListServiceRecords(ServerContext*, const volunteering::v1::ListServiceRecordsRequest* request,
                            volunteering::v1::ListServiceRecordsResponse* answer) override {
    EXPECT_EQ(request->parent(), "activities/-");
    answer->add_service_records()->set_title_zh("河道清洁");
    SetNext(PageOf(request->page_token()), pages, answer);
    return Status::OK;
  }
};

class PersonCopyTest : public testing::Test {
 protected:
  PersonCopyTest() {
    char name[] = "/tmp/person-copy-XXXXXX";
    home_ = mkdtemp(name);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<intake::v1::VaultService::Service*>(&city_));
    builder.RegisterService(static_cast<points::v1::PointsService::Service*>(&city_));
    builder.RegisterService(static_cast<volunteering::v1::VolunteeringService::Service*>(&city_));
    server_ = builder.BuildAndStart();
    url_ = absl::StrCat("http://127.0.0.1:", port);
  }
  ~PersonCopyTest() override {
    server_->Shutdown();
    std::filesystem::remove_all(home_);
  }

  std::string Folder() const { return home_ + "/copy"; }
  Json Read(const std::string& file) const { return Json::parse(ReadFile(Folder() + "/" + file).value()); }
  // Nothing of the person's is left behind, under any name.
  bool IsEmpty() const { return std::filesystem::is_empty(home_); }

  type::v1::Attachment* AddPhoto(const std::string& uri, const std::string& content) {
    if (city_.reports.empty()) city_.reports.emplace_back().mutable_report()->set_name("reports/r-1");
    auto* photo = city_.reports.back().mutable_report()->add_photos();
    photo->set_uri(uri);
    photo->set_sha256(Sha256(content));
    photo->set_link("http://store/" + uri);
    photo->set_thumbnail_link("http://store/small");
    photo->mutable_links_expire_at()->set_seconds(1);
    store_[photo->link()] = content;
    return photo;
  }

  absl::Status Copy() {
    auto door = PersonDoor::Open(url_, "the-token").value();
    const FetchLink fetch = [&](const std::string& link, const auto& take) {
      const auto broken = broken_.find(link);
      if (broken != broken_.end() && broken->second-- > 0) {
        take("a part").IgnoreError();
        return absl::UnavailableError("the connection broke");
      }
      const auto found = store_.find(link);
      return found == store_.end() ? absl::NotFoundError("") : take(found->second);
    };
    out_.str("");
    return CopyPerson(*door, fetch, Folder(), out_);
  }

  FakeCity city_;
  std::string home_, url_;
  std::map<std::string, std::string> store_;  // by link
  std::map<std::string, int> broken_;         // how often a link breaks
  std::ostringstream out_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(PersonCopyTest, HasEveryPageOfEveryPart) {
  for (const char* name : {"reports/r-1", "reports/r-2"}) city_.reports.emplace_back().mutable_report()->set_name(name);
  city_.reports[1].mutable_contact()->set_name("史无名");
  city_.reports[1].add_reveals()->set_requested_by("registrar-01");
  ASSERT_EQ(Copy(), absl::OkStatus());
  EXPECT_EQ(city_.bearer, "Bearer the-token");
  EXPECT_EQ(Read("reports.json")[0]["report"]["name"], "reports/r-1");
  EXPECT_EQ(Read("reports.json")[1]["contact"]["name"], "史无名");
  EXPECT_EQ(Read("reports.json")[1]["reveals"][0]["requested_by"], "registrar-01");
  EXPECT_EQ(Read("account.json")["available"], "7");
  ASSERT_EQ(Read("transactions.json").size(), 3u);
  EXPECT_EQ(Read("transactions.json")[2]["number"], "2");
  EXPECT_EQ(Read("redemptions.json")[2]["voucher"], "voucher-2");
  EXPECT_EQ(Read("service_records.json").size(), 3u);
  const Json index = Read("index.json");
  EXPECT_EQ(index["person_token"], "p-1");
  std::map<std::string, int> counts;
  for (const auto& part : index["parts"]["entries"]) counts[part["file"]] = part["count"];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"reports.json", 2},
                                                {"account.json", 1},
                                                {"transactions.json", 3},
                                                {"redemptions.json", 3},
                                                {"service_records.json", 3}}));
  EXPECT_THAT(index["parts"]["entries"][0]["heading_zh"], HasSubstr("上报"));
  EXPECT_TRUE(index["not_had"]["entries"].empty());
  EXPECT_FALSE(index["elsewhere"]["entries"].empty());
  EXPECT_THAT(out_.str(), HasSubstr("Redemptions"));
}

TEST_F(PersonCopyTest, WhoHasNothingGetsACopyThatSaysSo) {
  ASSERT_EQ(Copy(), absl::OkStatus());
  EXPECT_EQ(Read("reports.json"), Json::array());
}

TEST_F(PersonCopyTest, IsForItsOwnerAlone) {
  AddPhoto("uploads/u-1", "a photo");
  const mode_t before = umask(0);
  ASSERT_EQ(Copy(), absl::OkStatus());
  umask(before);
  struct stat of;
  for (const std::string& path : {Folder(), Folder() + "/files"}) {
    ASSERT_EQ(stat(path.c_str(), &of), 0);
    EXPECT_EQ(of.st_mode & 0777, 0700u) << path;
  }
  for (const char* file : {"/index.json", "/reports.json", "/files/u-1.jpg"}) {
    ASSERT_EQ(stat((Folder() + file).c_str(), &of), 0) << file;
    EXPECT_EQ(of.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(PersonCopyTest, PhotosAndRecordingsComeWithTheReports) {
  AddPhoto("uploads/u-1", "a photo");
  auto& report = *city_.reports[0].mutable_report();
  auto* voice = report.add_voices();
  *voice = *AddPhoto("uploads/u-2", "a voice");
  voice->set_length_ms(3000);
  report.mutable_photos()->RemoveLast();
  report.add_supplements()->add_photos()->CopyFrom(*AddPhoto("uploads/u-3", "later"));
  report.mutable_photos()->RemoveLast();
  ASSERT_EQ(Copy(), absl::OkStatus());
  EXPECT_EQ(ReadFile(Folder() + "/files/u-1.jpg").value(), "a photo");
  EXPECT_EQ(ReadFile(Folder() + "/files/u-2.ogg").value(), "a voice");
  EXPECT_EQ(ReadFile(Folder() + "/files/u-3.jpg").value(), "later");
  const Json photo = Read("reports.json")[0]["report"]["photos"][0];
  EXPECT_EQ(photo["link"], "files/u-1.jpg");
  EXPECT_EQ(photo["thumbnail_link"], "");
  EXPECT_FALSE(photo.contains("links_expire_at"));
  const Json files = Read("index.json")["files"]["entries"];
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0]["report"], "reports/r-1");
  EXPECT_EQ(files[0]["size_bytes"], 7);
  EXPECT_EQ(files[0]["as_the_report_says"], true);
}

TEST_F(PersonCopyTest, AnUploadOfTwoReportsIsFetchedOnce) {
  AddPhoto("uploads/u-1", "a photo");
  city_.reports.push_back(city_.reports[0]);
  ASSERT_EQ(Copy(), absl::OkStatus());
  EXPECT_EQ(Read("index.json")["files"]["entries"].size(), 1u);
  EXPECT_EQ(Read("reports.json")[1]["report"]["photos"][0]["link"], "files/u-1.jpg");
}

TEST_F(PersonCopyTest, WhatCannotBeHadIsNamed) {
  AddPhoto("uploads/u-gone", "");
  store_.clear();
  AddPhoto("uploads/u-other", "a photo");
  store_["http://store/uploads/u-other"] = "another's";
  AddPhoto("cam-7/1.jpg", "theirs");
  AddPhoto("uploads/../../x", "a way out");
  AddPhoto("uploads/u-unlinked", "")->clear_link();
  AddPhoto("uploads/u-1", "a photo");
  ASSERT_EQ(Copy(), absl::OkStatus());
  std::vector<std::string> not_had;
  const Json index = Read("index.json");
  for (const auto& one : index["not_had"]["entries"])
    not_had.push_back(absl::StrCat(one["what"].get<std::string>(), ": ", one["why_en"].get<std::string>()));
  EXPECT_THAT(not_had, testing::ElementsAre("uploads/u-gone: The store has it no more.",
                                            "uploads/u-other: What the store has is not what the report says it is.",
                                            "cam-7/1.jpg: It lies in the store of the system that handed it in.",
                                            "uploads/../../x: It lies in the store of the system that handed it in.",
                                            "uploads/u-unlinked: The city gives no link to it."));
  for (const std::string& one : not_had) EXPECT_THAT(out_.str(), HasSubstr("not had: " + one));
  EXPECT_EQ(Read("reports.json")[0]["report"]["photos"][1]["link"], "");
  EXPECT_FALSE(std::filesystem::exists(Folder() + "/files/u-other.jpg"));
  EXPECT_EQ(index["files"]["entries"].size(), 1u);
}

TEST_F(PersonCopyTest, ATransferThatBreaksIsTriedAgain) {
  AddPhoto("uploads/u-1", "a photo");
  broken_["http://store/uploads/u-1"] = 2;
  ASSERT_EQ(Copy(), absl::OkStatus());
  EXPECT_EQ(ReadFile(Folder() + "/files/u-1.jpg").value(), "a photo");
  EXPECT_EQ(Read("index.json")["files"]["entries"].size(), 1u);
}

TEST_F(PersonCopyTest, AStoreThatIsAwayLeavesNoFolder) {
  AddPhoto("uploads/u-1", "a photo");
  broken_["http://store/uploads/u-1"] = 1000;
  EXPECT_EQ(Copy().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(IsEmpty());
}

TEST_F(PersonCopyTest, APageThatFailsLeavesNoFolder) {
  for (const auto& [code, says] :
       std::map<grpc::StatusCode, std::string>{{grpc::StatusCode::UNAUTHENTICATED, "does not take the token"},
                                               {grpc::StatusCode::PERMISSION_DENIED, "the token is another one's"},
                                               {grpc::StatusCode::UNIMPLEMENTED, "has no points"},
                                               {grpc::StatusCode::INTERNAL, "points refuses"}}) {
    city_.transactions_asked = 0;
    city_.transactions_fail = {{1, Status(code, "why")}};
    const absl::Status copied = Copy();
    EXPECT_THAT(copied.message(), HasSubstr(says));
    EXPECT_FALSE(copied.ok());
    EXPECT_TRUE(IsEmpty()) << says;
  }
}

TEST_F(PersonCopyTest, APageThatIsPutOffIsAskedAgain) {
  city_.transactions_fail = {{1, Status(grpc::StatusCode::UNAVAILABLE, "recovering")},
                             {2, Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "later")}};
  ASSERT_EQ(Copy(), absl::OkStatus());
  EXPECT_EQ(Read("transactions.json").size(), 3u);
}

TEST_F(PersonCopyTest, ServicesThatKnowThePersonByOtherNamesAreFoundOut) {
  city_.account_of = "p-2";
  EXPECT_THAT(Copy().message(), HasSubstr("CIVICMESH_PERSON_KEY"));
  EXPECT_TRUE(IsEmpty());
}

TEST_F(PersonCopyTest, NoFolderIsWrittenOver) {
  std::filesystem::create_directory(Folder());
  EXPECT_EQ(Copy().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::is_empty(Folder()));
}

TEST_F(PersonCopyTest, TheTokenComesFromAFile) {
  const std::string file = home_ + "/token";
  const auto copy = [&](const std::string& token) {
    EXPECT_TRUE(WriteFile(file, token).ok());
    return Call(CopyCommand(), {"copy", Folder(), "--door", url_, "--token-file", file});
  };
  EXPECT_THAT(copy("").err, HasSubstr("has no token"));
  EXPECT_THAT(copy("one\ntwo\n").err, HasSubstr("more than a token"));
  const Called called = copy("of-the-file\n");
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(city_.bearer, "Bearer of-the-file");
  EXPECT_THAT(called.LastLine(), HasSubstr(Folder()));
}

}  // namespace
}  // namespace civicmesh::civicctl
