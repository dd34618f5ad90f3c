#include "services/intake/receipt.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "civicmesh/intake/v1/intake_journal.pb.h"

namespace civicmesh::intake {
namespace {

constexpr char kVariable[] = "CIVICMESH_RECEIPT_KEYS";
const std::string kOld(32, 'o'), kNew(32, 'n');

v1::Receipt SomeReceipt() {
  v1::Receipt receipt;
  receipt.set_shard(3);
  receipt.set_inbox_offset(17);
  receipt.set_command_id(std::string(32, 'c'));
  receipt.set_body_hash(std::string(16, 'b'));
  receipt.add_person_tokens("p-0123456789abcdef");
  return receipt;
}

class ReceiptTest : public testing::Test {
 protected:
  ~ReceiptTest() override { unsetenv(kVariable); }
  const ReceiptKeys keys_{{kNew}};
};

TEST_F(ReceiptTest, OpensWhatItSigned) {
  const auto opened = keys_.Open(keys_.Sign(SomeReceipt()));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->SerializeAsString(), SomeReceipt().SerializeAsString());
}

TEST_F(ReceiptTest, WhatWasChangedOrIsNoneIsNotOpened) {
  const std::string good = keys_.Sign(SomeReceipt());
  for (size_t at = 0; at + 1 < good.size(); ++at) {  // of the last character some bits carry nothing
    std::string forged = good;
    forged[at] = forged[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(keys_.Open(forged)) << at;
  }
  for (const std::string& text :
       {std::string(), std::string("x"), std::string("!?"), good.substr(0, 20), good + "AAAA"})
    EXPECT_FALSE(keys_.Open(text)) << text;
}

TEST_F(ReceiptTest, AnotherCitysIsNotOpened) {
  EXPECT_FALSE(keys_.Open(ReceiptKeys({std::string(32, 'x')}).Sign(SomeReceipt())));
}

TEST_F(ReceiptTest, WhileKeysAreChangedTheFirstSignsAndEachIsTaken) {
  const ReceiptKeys old({kOld}), both({kNew, kOld});
  EXPECT_TRUE(both.Open(old.Sign(SomeReceipt())));
  EXPECT_TRUE(keys_.Open(both.Sign(SomeReceipt())));
  EXPECT_FALSE(old.Open(both.Sign(SomeReceipt())));
}

TEST_F(ReceiptTest, TakesItsKeysFromTheEnvironment) {
  const std::string first(64, 'a'), second(64, '5');
  setenv(kVariable, (first + "," + second).c_str(), 1);
  const auto keys = ReceiptKeys::FromEnvironment();
  ASSERT_TRUE(keys.ok());
  EXPECT_TRUE(ReceiptKeys({std::string(32, '\xaa')}).Open((*keys)->Sign(SomeReceipt())));
  EXPECT_TRUE((*keys)->Open(ReceiptKeys({std::string(32, 'U')}).Sign(SomeReceipt())));

  for (const std::string& wrong : {std::string("zz"), first + ",", std::string(63, 'a') + "g", std::string(66, 'a')}) {
    setenv(kVariable, wrong.c_str(), 1);
    const auto refused = ReceiptKeys::FromEnvironment();
    ASSERT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_EQ(refused.status().message().find(wrong), std::string::npos);
  }
  unsetenv(kVariable);
  EXPECT_TRUE(ReceiptKeys::FromEnvironment().ok());
}

}  // namespace
}  // namespace civicmesh::intake
