#include "services/runtime/shard/reference_library.h"

#include <gtest/gtest.h>

#include "services/runtime/base/ids.h"

namespace civicmesh {
namespace {

absl::StatusOr<std::shared_ptr<const void>> NoBadOnes(std::string_view content) {
  if (content == "bad") return absl::InvalidArgumentError("bad");
  return std::make_shared<const std::string>(content);
}

std::string Newest(const ReferenceLibrary& library) {
  const auto newest = library.Newest("k");
  return newest ? *static_cast<const std::string*>(newest->parsed.get()) : "none";
}

TEST(ReferenceLibraryTest, NothingIsTheNewestWhileOlderOnesAreStillRead) {
  ReferenceLibrary library({{"k", NoBadOnes}});
  ASSERT_TRUE(library.Add("k", "old").ok());
  EXPECT_EQ(Newest(library), "none");
  ASSERT_TRUE(library.Add("k", "new").ok());
  library.BecomeCurrent();
  EXPECT_EQ(Newest(library), "new");
  EXPECT_NE(library.Find("k", Sha256("old")), nullptr);
}

TEST(ReferenceLibraryTest, WhatWasPublishedAgainIsTheNewestAndWhatDoesNotParseIsNot) {
  ReferenceLibrary library({{"k", NoBadOnes}});
  library.BecomeCurrent();
  EXPECT_EQ(Newest(library), "none");
  for (const char* content : {"old", "new", "old"}) ASSERT_TRUE(library.Add("k", content).ok());
  EXPECT_EQ(Newest(library), "old");
  EXPECT_FALSE(library.Add("k", "bad").ok());
  EXPECT_EQ(Newest(library), "old");
}

}  // namespace
}  // namespace civicmesh
