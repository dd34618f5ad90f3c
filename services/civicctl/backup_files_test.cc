#include "services/civicctl/backup_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace civicmesh::civicctl {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const TopicPartition kKeys{"keys", 3}, kLog{"log", 0};

class BackupFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        testing::TempDir() + "/backup_files_test-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    auto writer = BackupWriter::Create(folder_);
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
  }
  void Write() {
    ASSERT_TRUE(writer_->Begin(kKeys).ok());
    ASSERT_TRUE(writer_->Add({.offset = 7, .time_ms = 1234, .key = "k", .value = std::string("v\0w", 3)}).ok());
    ASSERT_TRUE(
        writer_->Add({.offset = 9, .time_ms = -1, .key = "k", .headers = {{"why", "erased"}, {"why", ""}}}).ok());
    ASSERT_TRUE(writer_->Begin(kLog).ok());
    ASSERT_TRUE(writer_->Add({.offset = 0, .value = ""}).ok());
    ASSERT_TRUE(writer_->Finish(manifest_).ok());
  }
  absl::StatusOr<Manifest> Check() {
    return CheckBackup(folder_, [](int64_t) {});
  }
  std::string Content(const std::string& file) {
    std::ifstream in(folder_ + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Put(const std::string& file, const std::string& content) {
    std::ofstream(folder_ + "/" + file, std::ios::binary | std::ios::trunc) << content;
  }

  std::string folder_;
  std::unique_ptr<BackupWriter> writer_;
  Manifest manifest_{.made_at = "2026-09-02T04:00:00Z",
                     .shards = 4,
                     .partitions = {{.at = kKeys, .begin = 7, .end = 12, .records = 2},
                                    {.at = kLog, .begin = 0, .end = 1, .records = 1}},
                     .groups = {{{"group", kLog}, 1}}};
};

TEST_F(BackupFilesTest, WhatIsReadIsWhatWasWritten) {
  Write();
  const auto manifest = Check();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->made_at, manifest_.made_at);
  EXPECT_EQ(manifest->shards, 4);
  EXPECT_EQ(manifest->groups, manifest_.groups);
  ASSERT_EQ(manifest->partitions.size(), 2u);
  EXPECT_EQ(manifest->partitions[0].at, kKeys);
  EXPECT_EQ(manifest->partitions[0].end, 12);
  std::vector<CopiedRecord> records;
  ASSERT_TRUE(
      ReadRecords(folder_, kKeys, [&](const CopiedRecord& r) { return records.push_back(r), absl::OkStatus(); }).ok());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].value, std::string("v\0w", 3));
  EXPECT_EQ(records[0].time_ms, 1234);
  EXPECT_EQ(records[1].key, "k");
  EXPECT_EQ(records[1].value, std::nullopt);
  EXPECT_EQ(records[1].headers, (Headers{{"why", "erased"}, {"why", ""}}));
}

TEST_F(BackupFilesTest, OthersMayNotLookIntoIt) {
  Write();
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    struct stat found;
    ASSERT_EQ(stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 077u, 0u) << entry.path();
  }
}

TEST_F(BackupFilesTest, OneThatWasNotFinishedIsNone) {
  ASSERT_TRUE(writer_->Begin(kLog).ok());
  EXPECT_THAT(Check().status().message(), HasSubstr("was not finished"));
}

TEST_F(BackupFilesTest, AFolderWithSomethingInItIsNotTaken) {
  Write();
  EXPECT_THAT(BackupWriter::Create(folder_).status().message(), HasSubstr("is not empty"));
}

TEST_F(BackupFilesTest, EveryDamageIsFound) {
  Write();
  for (const std::string file : {"keys/3", "log/0", "manifest.json"}) {
    const std::string whole = Content(file);
    for (const std::string& damaged : {whole.substr(0, whole.size() - 1), whole + "x", "x" + whole.substr(1)}) {
      Put(file, damaged);
      EXPECT_EQ(Check().status().code(), absl::StatusCode::kDataLoss) << file;
      EXPECT_THAT(Check().status().message(), HasSubstr(file));
    }
    fs::remove(folder_ + "/" + file);
    EXPECT_EQ(Check().status().code(), absl::StatusCode::kDataLoss) << file;
    Put(file, whole);
  }
  EXPECT_TRUE(Check().ok());
}

// Whoever made it may have been wrong: the sums are right, what they are of is not.
TEST_F(BackupFilesTest, AManifestThatSaysSomethingElseThanTheRecordsIsFound) {
  manifest_.partitions[0].records = 3;
  Write();
  EXPECT_THAT(Check().status().message(), HasSubstr("records are missing"));
}

TEST_F(BackupFilesTest, RecordsOutsideTheStretchAreFound) {
  manifest_.partitions[0].end = 9;
  Write();
  EXPECT_THAT(Check().status().message(), HasSubstr("records out of order"));
}

TEST_F(BackupFilesTest, APartitionWithoutAFileIsFound) {
  manifest_.partitions.push_back({.at = {"other", 0}});
  Write();
  EXPECT_THAT(Check().status().message(), HasSubstr("other/0 is missing"));
}

}  // namespace
}  // namespace civicmesh::civicctl
