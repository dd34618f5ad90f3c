// What every object store does; the real one and its twin are tried with it.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreContract, testing::Values([] { return …; }));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "services/runtime/objects/buckets.h"
#include "services/runtime/objects/object_store.h"

namespace civicmesh {

class ObjectStoreContract : public testing::TestWithParam<std::function<std::unique_ptr<ObjectStore>()>> {
 protected:
  ObjectStoreContract() : store_(GetParam()()) {
    for (const char* bucket : {kIncomingBucket, kMediaBucket}) {
      const auto left = store_->List(bucket, "contract/", "", 1000);
      EXPECT_TRUE(left.ok()) << left.status();
      for (const auto& object : left.value()) store_->Delete(bucket, object.key).IgnoreError();
    }
  }
  std::vector<std::string> Keys(const std::string& prefix, const std::string& after = "", int max = 1000) {
    std::vector<std::string> keys;
    const auto listed = store_->List(kMediaBucket, prefix, after, max);
    EXPECT_TRUE(listed.ok()) << listed.status();
    if (listed.ok())
      for (const auto& object : *listed) keys.push_back(object.key);
    return keys;
  }
  absl::Status Put(const std::string& key, const std::string& bytes) {
    return store_->Put(kMediaBucket, key, bytes, "application/octet-stream");
  }

  const std::unique_ptr<ObjectStore> store_;
};

TEST_P(ObjectStoreContract, WhatIsPutIsGot) {
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes.push_back(static_cast<char>(i * 7));
  ASSERT_TRUE(Put("contract/a", bytes).ok());
  EXPECT_EQ(store_->Get(kMediaBucket, "contract/a", bytes.size()).value(), bytes);
  EXPECT_TRUE(absl::IsOutOfRange(store_->Get(kMediaBucket, "contract/a", bytes.size() - 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Get(kIncomingBucket, "contract/a", 10).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Get(kMediaBucket, "contract/b", 10).status()));
  ASSERT_TRUE(Put("contract/a", "").ok());
  EXPECT_EQ(store_->Get(kMediaBucket, "contract/a", 10).value(), "");
}

TEST_P(ObjectStoreContract, WhatIsWrittenIsReadWithWhatIsKnownOfIt) {
  std::string bytes;
  for (int i = 0; i < 3'000'000; ++i) bytes.push_back(static_cast<char>(i * 7));
  const ObjectFacts facts{"image/jpeg", {{"made-by", "us, with  love"}, {"a", "1"}}};
  for (const std::string& body : {bytes, std::string()}) {
    std::istringstream from(body + "more than that");
    ASSERT_TRUE(store_->Write(kMediaBucket, "contract/a", facts, from, static_cast<int64_t>(body.size())).ok());
    std::string read;
    size_t longest = 0;
    const auto found = store_->Read(kMediaBucket, "contract/a", [&](std::string_view piece) {
      longest = std::max(longest, piece.size());
      read.append(piece);
      return absl::OkStatus();
    });
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->content_type, facts.content_type);
    EXPECT_EQ(found->metadata, facts.metadata);
    EXPECT_TRUE(read == body);
    EXPECT_LE(longest, 1 << 20);
    EXPECT_EQ(store_->List(kMediaBucket, "contract/a", "", 10)->at(0).size, static_cast<int64_t>(body.size()));
  }
  ASSERT_TRUE(Put("contract/a", "x").ok());
  EXPECT_EQ(store_->Read(kMediaBucket, "contract/a", [](auto) { return absl::OkStatus(); })->content_type,
            "application/octet-stream");
}

TEST_P(ObjectStoreContract, ReadingEndsWithWhatWasNotTaken) {
  const auto refuses = [](std::string_view) { return absl::DataLossError("full"); };
  EXPECT_TRUE(absl::IsNotFound(store_->Read(kMediaBucket, "contract/a", refuses).status()));
  ASSERT_TRUE(Put("contract/a", std::string(300000, 'x')).ok());
  EXPECT_EQ(store_->Read(kMediaBucket, "contract/a", refuses).status(), absl::DataLossError("full"));
}

TEST_P(ObjectStoreContract, WhatEndsTooEarlyIsNotWritten) {
  std::istringstream from("four");
  EXPECT_TRUE(absl::IsUnavailable(store_->Write(kMediaBucket, "contract/a", {"text/plain", {}}, from, 5)));
  EXPECT_TRUE(absl::IsNotFound(store_->Get(kMediaBucket, "contract/a", 10).status()));
}

TEST_P(ObjectStoreContract, WhatIsDeletedIsGoneAndMayBeDeletedAgain) {
  ASSERT_TRUE(Put("contract/a", "x").ok());
  EXPECT_TRUE(store_->Delete(kMediaBucket, "contract/a").ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Get(kMediaBucket, "contract/a", 10).status()));
  EXPECT_TRUE(store_->Delete(kMediaBucket, "contract/a").ok());
}

TEST_P(ObjectStoreContract, ListsInOrderByPrefixAndPage) {
  for (const char* key : {"contract/p/b", "contract/p/a", "contract/p/c/d", "contract/q"})
    ASSERT_TRUE(Put(key, "x").ok());
  EXPECT_THAT(Keys("contract/p/"), testing::ElementsAre("contract/p/a", "contract/p/b", "contract/p/c/d"));
  EXPECT_THAT(Keys("contract/p/", "", 2), testing::ElementsAre("contract/p/a", "contract/p/b"));
  EXPECT_THAT(Keys("contract/p/", "contract/p/b", 2), testing::ElementsAre("contract/p/c/d"));
  EXPECT_THAT(Keys("contract/none/"), testing::IsEmpty());
}

TEST_P(ObjectStoreContract, KnowsWhenAnObjectWasPut) {
  const absl::Time before = absl::Now() - absl::Seconds(2);
  ASSERT_TRUE(Put("contract/a", "x").ok());
  const auto listed = store_->List(kMediaBucket, "contract/a", "", 10).value();
  ASSERT_EQ(listed.size(), 1);
  EXPECT_GT(listed[0].modified, before);
  EXPECT_LT(listed[0].modified, absl::Now() + absl::Seconds(2));
}

}  // namespace civicmesh
