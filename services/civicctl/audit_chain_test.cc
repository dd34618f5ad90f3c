#include "services/civicctl/audit_chain.h"

#include <gmock/gmock.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/intake/domain/audit.h"

namespace civicmesh::civicctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A good chain of shard 3.
std::vector<intake::v1::AuditEntryRecorded> Links(int count) {
  std::vector<intake::v1::AuditEntryRecorded> links;
  std::string end = intake::FirstAuditHash();
  for (int number = 1; number <= count; ++number) {
    intake::v1::AuditEntry entry;
    entry.set_shard(3);
    entry.set_number(number);
    entry.set_actor("registrar-01");
    auto& link = links.emplace_back();
    link.set_entry(entry.SerializeAsString());
    link.set_previous_sha256(end);
    link.set_sha256(end = intake::AuditHash(end, link.entry()));
  }
  return links;
}
AuditChain Taken(const std::vector<intake::v1::AuditEntryRecorded>& links) {
  AuditChain chain(3);
  for (const auto& link : links) chain.Take(link);
  return chain;
}
AuditHashes HashesOf(const AuditChain& chain) {
  AuditHashes hashes;
  std::string text;
  for (const auto& entry : chain.entries()) absl::StrAppend(&text, AuditLine(entry), "\n");
  EXPECT_TRUE(ReadAuditExport(text, &hashes));
  return hashes;
}

TEST(AuditChainTest, AWholeChainHolds) {
  const AuditChain chain = Taken(Links(3));
  EXPECT_THAT(chain.faults(), IsEmpty());
  EXPECT_EQ(chain.entries().size(), 3u);
}

TEST(AuditChainTest, AChangedAMissingAndAMovedEntryAreNamed) {
  auto changed = Links(3);
  changed[1].mutable_entry()->back() ^= 1;
  EXPECT_THAT(Taken(changed).faults(), testing::Contains(HasSubstr("its hash is not that of its text")));
  auto rehashed = changed;
  rehashed[1].set_sha256(intake::AuditHash(rehashed[1].previous_sha256(), rehashed[1].entry()));
  EXPECT_THAT(Taken(rehashed).faults(), testing::Contains(HasSubstr("entry 3: it does not follow")));
  auto missing = Links(3);
  missing.erase(missing.begin() + 1);
  EXPECT_THAT(Taken(missing).faults(),
              ElementsAre(HasSubstr("does not follow"), HasSubstr("its number is not the next one")));
  AuditChain elsewhere(4);
  elsewhere.Take(Links(1)[0]);
  EXPECT_THAT(elsewhere.faults(), ElementsAre(HasSubstr("it says that it is of shard 3")));
}

TEST(AuditChainTest, AnExportShowsWhatWasCutOrRewrittenSince) {
  const AuditHashes before = HashesOf(Taken(Links(3)));
  EXPECT_THAT(AuditDifferences(before, HashesOf(Taken(Links(5)))), IsEmpty());
  EXPECT_THAT(AuditDifferences(before, HashesOf(Taken(Links(2)))),
              ElementsAre("shard 3, entry 3: is not there any more"));
  auto rewritten = before;
  rewritten[{3, 2}] = "00";
  EXPECT_THAT(AuditDifferences(before, rewritten), ElementsAre("shard 3, entry 2: is another one now"));
}

TEST(AuditChainTest, WhatIsNoExportIsNotTakenForOne) {
  AuditHashes hashes;
  for (const char* text : {"{", "[]", "{}", "{\"shard\": 1}", "{\"shard\": \"1\", \"number\": 1, \"sha256\": \"\"}"})
    EXPECT_FALSE(ReadAuditExport(text, &hashes)) << text;
}

}  // namespace
}  // namespace civicmesh::civicctl
