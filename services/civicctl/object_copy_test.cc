#include "services/civicctl/object_copy.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "services/civicctl/copy_files.h"
#include "services/runtime/objects/buckets.h"
#include "services/runtime/objects/memory_object_store.h"

namespace civicmesh::civicctl {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A store in which something happens when an object is read.
class Store : public MemoryObjectStore {
 public:
  Store() : MemoryObjectStore([] { return absl::UnixEpoch(); }) {}
  absl::StatusOr<ObjectFacts> Read(const std::string& bucket, const std::string& key, const Take& take) override {
    if (on_read) on_read(key);
    return MemoryObjectStore::Read(bucket, key, take);
  }
  std::function<void(const std::string& key)> on_read;
};

class ObjectCopyTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/object_copy_test-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    Put(kMediaBucket, "u1/photo.jpg", std::string(100000, 'p'), {"image/jpeg", {{"made-by", "us"}}});
    Put(kMediaBucket, "u1/facts", std::string("\0\1", 2));
    Put(kIncomingBucket, "unused/u2", "");
    Put(kIncomingBucket, "heard/intake/0", "1");
  }
  void Put(const std::string& bucket, const std::string& key, const std::string& bytes,
           const ObjectFacts& facts = {"application/octet-stream", {}}) {
    std::istringstream from(bytes);
    ASSERT_TRUE(store_.Write(bucket, key, facts, from, static_cast<int64_t>(bytes.size())).ok());
  }
  absl::Status Copy() { return Copy(store_); }
  absl::Status Copy(ObjectStore& store) {
    auto created = ObjectWriter::Create(folder_);
    EXPECT_TRUE(created.ok()) << created.status();
    auto copied = CopyObjects(store, **created);
    return copied.ok() ? (*created)->Finish("2026-12-02T04:00:00+00:00") : copied;
  }
  absl::StatusOr<std::vector<CopiedObject>> Check() {
    return CheckObjects(folder_, [](int64_t) {});
  }
  std::string Path(const std::string& file) { return absl::StrCat(folder_, "/objects/", file); }
  std::string Content(const std::string& file) {
    std::ifstream in(Path(file), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Write(const std::string& file, const std::string& content) {
    std::ofstream(Path(file), std::ios::binary | std::ios::trunc) << content;
  }

  static std::string Sum(const std::string& text) {
    Sha256Sum sum;
    sum.Add(text);
    return sum.Hex();
  }

  std::string folder_;
  Store store_, other_;
};

TEST_F(ObjectCopyTest, WhatIsCopiedComesBackButForWhatAnInstallationNotes) {
  ASSERT_TRUE(Copy().ok());
  const auto objects = Check();
  ASSERT_TRUE(objects.ok()) << objects.status();
  ASSERT_TRUE(CheckEmpty(other_).ok());
  ASSERT_TRUE(RestoreObjects(other_, folder_, *objects).ok());
  EXPECT_THAT(other_.Keys(),
              ElementsAre("civicmesh-incoming/unused/u2", "civicmesh-media/u1/facts", "civicmesh-media/u1/photo.jpg"));
  EXPECT_EQ(other_.Get(kMediaBucket, "u1/photo.jpg", 100000).value(), std::string(100000, 'p'));
  const auto facts = other_.Read(kMediaBucket, "u1/photo.jpg", [](auto) { return absl::OkStatus(); });
  EXPECT_EQ(*facts, (ObjectFacts{"image/jpeg", {{"made-by", "us"}}}));
}

TEST_F(ObjectCopyTest, NoBucketMayHaveAnythingInIt) {
  for (const char* bucket : kBuckets) {
    ASSERT_TRUE(other_.Put(bucket, "heard/intake/0", "1", "text/plain").ok());
    EXPECT_THAT(CheckEmpty(other_).message(), HasSubstr(absl::StrCat(bucket, " is not empty")));
    ASSERT_TRUE(other_.Delete(bucket, "heard/intake/0").ok());
  }
  EXPECT_TRUE(CheckEmpty(other_).ok());
}

TEST_F(ObjectCopyTest, WhatComesOutOtherwiseThanItWentInIsFound) {
  ASSERT_TRUE(Copy().ok());
  for (const auto& [bytes, type] : {std::pair("\0\2", "application/octet-stream"), std::pair("\0\1", "text/html")}) {
    other_.on_read = [&, body = std::string(bytes, 2), now = type](const std::string& key) {
      if (key == "u1/facts") other_.Put(kMediaBucket, key, body, now).IgnoreError();
    };
    const absl::Status restored = RestoreObjects(other_, folder_, *Check());
    EXPECT_TRUE(absl::IsDataLoss(restored));
    EXPECT_THAT(restored.message(), HasSubstr("civicmesh-media/u1/facts came out of the store otherwise"));
  }
}

TEST_F(ObjectCopyTest, OthersMayNotLookIntoIt) {
  const mode_t before = umask(0);
  EXPECT_TRUE(Copy().ok());
  umask(before);
  int found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    struct stat its;
    ASSERT_EQ(stat(entry.path().c_str(), &its), 0);
    EXPECT_EQ(its.st_mode & 077u, 0u) << entry.path();
    ++found;
  }
  EXPECT_GT(found, 8);
}

TEST_F(ObjectCopyTest, AnEmptyStoreIsCopiedToo) {
  ASSERT_TRUE(Copy(other_).ok());
  EXPECT_THAT(Check().value(), IsEmpty());
}

TEST_F(ObjectCopyTest, MoreThanAPageIsCopied) {
  for (int i = 0; i < 2000; ++i) Put(kIncomingBucket, absl::StrCat("raw/", i), "x");
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(Check()->size(), 2003u);
}

TEST_F(ObjectCopyTest, WhatIsDeletedMeanwhileIsNotInIt) {
  store_.on_read = [&](const std::string& key) {
    if (key == "u1/facts") store_.Delete(kMediaBucket, key).IgnoreError();
  };
  ASSERT_TRUE(Copy().ok());
  EXPECT_EQ(Check()->size(), 2u);
  EXPECT_FALSE(fs::exists(Path("civicmesh-media/u1/facts")));
}

TEST_F(ObjectCopyTest, WhatCannotBeAFileOfItsNameIsRefused) {
  for (const std::string key :
       {"raw/.hidden", "../out", "raw//x", "/raw", "raw/", "raw/a b", "raw/a\nb", "raw/\xc3\xbc"}) {
    fs::remove_all(folder_ + "/objects");
    Put(kIncomingBucket, key, "x");
    EXPECT_THAT(Copy().message(), HasSubstr("cannot be a file of that name")) << key;
    EXPECT_FALSE(fs::exists(Path("SHA256SUMS")));
    store_.Delete(kIncomingBucket, key).IgnoreError();
  }
}

TEST_F(ObjectCopyTest, OneThatWasNotFinishedIsNone) {
  EXPECT_FALSE(HasObjects(folder_));
  store_.calls_left = 4;
  EXPECT_TRUE(absl::IsUnavailable(Copy()));
  EXPECT_TRUE(HasObjects(folder_));
  EXPECT_THAT(Check().status().message(), HasSubstr("was not finished"));
}

TEST_F(ObjectCopyTest, EveryDamageIsFound) {
  ASSERT_TRUE(Copy().ok());
  for (const std::string file : {"civicmesh-media/u1/photo.jpg", "civicmesh-incoming/unused/u2", "manifest.json"}) {
    const std::string whole = Content(file);
    for (const std::string& damaged : {whole + "x", "x" + whole.substr(whole.empty() ? 0 : 1)}) {
      Write(file, damaged);
      EXPECT_TRUE(absl::IsDataLoss(Check().status())) << file;
      EXPECT_THAT(Check().status().message(), HasSubstr(file));
    }
    fs::remove(Path(file));
    EXPECT_TRUE(absl::IsDataLoss(Check().status())) << file;
    Write(file, whole);
  }
  const std::string sums = Content("SHA256SUMS");
  Write("SHA256SUMS", sums.substr(sums.find('\n') + 1));
  EXPECT_THAT(Check().status().message(), HasSubstr("do not agree"));
  Write("SHA256SUMS", sums);
  EXPECT_TRUE(Check().ok());
}

// Whoever made it may have been wrong, or mean harm: the sums are right, what they are of is not.
TEST_F(ObjectCopyTest, AManifestThatSaysSomethingElseThanTheFilesIsFound) {
  ASSERT_TRUE(Copy().ok());
  const nlohmann::json right = nlohmann::json::parse(Content("manifest.json"));
  const std::string sums = Content("SHA256SUMS");
  const std::string sums_of_objects = sums.substr(0, sums.rfind('\n', sums.size() - 2) + 1);
  const auto says = [&](const nlohmann::json& manifest, const std::string& more_sums = "") {
    Write("manifest.json", manifest.dump());
    Write("SHA256SUMS", absl::StrCat(more_sums, sums_of_objects, SumsLine("manifest.json", Sum(manifest.dump()))));
    return Check().status();
  };
  EXPECT_TRUE(says(right).ok());
  nlohmann::json wrong = right;
  wrong["objects"][0]["size"] = 7;
  EXPECT_THAT(says(wrong).message(), HasSubstr("do not agree"));
  wrong = right;
  wrong["objects"].push_back(right["objects"][0]);
  EXPECT_THAT(says(wrong).message(), HasSubstr("do not agree"));
  wrong = right;
  wrong["objects"].erase(0);
  EXPECT_THAT(says(wrong).message(), HasSubstr("do not agree"));
  wrong = right;
  wrong["objects"][0]["bucket"] = "another";
  EXPECT_THAT(says(wrong).message(), HasSubstr("do not agree"));
  std::ofstream(folder_ + "/elsewhere") << "secret";
  wrong = right;
  wrong["objects"].push_back(right["objects"][0]);
  wrong["objects"].back().update({{"key", "../../elsewhere"}, {"sha256", Sum("secret")}, {"size", 6}});
  const std::string name = absl::StrCat(wrong["objects"].back()["bucket"].get<std::string>(), "/../../elsewhere");
  EXPECT_THAT(says(wrong, SumsLine(name, Sum("secret"))).message(), HasSubstr("do not agree"));
  wrong = right;
  wrong["objects"][0].erase("content_type");
  EXPECT_TRUE(absl::IsDataLoss(says(wrong)));
  wrong = right;
  wrong["format"] = 2;
  EXPECT_THAT(says(wrong).message(), HasSubstr("has format 2, this civicctl reads 1"));
}

// Before civicctl, a script of its own copied objects; what it made is kept for years.
TEST_F(ObjectCopyTest, WhatTheScriptMadeIsRead) {
  fs::create_directories(Path("civicmesh-incoming/unused"));
  fs::create_directories(Path("civicmesh-media/u1"));
  Write("civicmesh-incoming/unused/u2", "");
  Write("civicmesh-media/u1/photo.jpg", "photo");
  Write("manifest.json", R"({
 "format": 1,
 "made_at": "2026-11-29T21:51:16+00:00",
 "objects": [
  {
   "bucket": "civicmesh-incoming",
   "key": "unused/u2",
   "size": 0,
   "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
   "content_type": "text/plain",
   "metadata": {}
  },
  {
   "bucket": "civicmesh-media",
   "key": "u1/photo.jpg",
   "size": 5,
   "sha256": "55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8",
   "content_type": "image/jpeg",
   "metadata": {
    "b": "x",
    "made-by": "us"
   }
  }
 ]
}
)");
  Write("SHA256SUMS",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  civicmesh-incoming/unused/u2\n"
        "55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8  civicmesh-media/u1/photo.jpg\n"
        "6c2e4470a52465259738d98a284df611efc8b6886759e60057aeada52a731bc9  manifest.json\n");
  const auto objects = Check();
  ASSERT_TRUE(objects.ok()) << objects.status();
  ASSERT_EQ(objects->size(), 2u);
  EXPECT_EQ(objects->at(0).facts.content_type, "text/plain");
  EXPECT_EQ(objects->at(1).facts, (ObjectFacts{"image/jpeg", {{"b", "x"}, {"made-by", "us"}}}));
  EXPECT_TRUE(RestoreObjects(other_, folder_, *objects).ok());
}

}  // namespace
}  // namespace civicmesh::civicctl
