#include "services/runtime/personal/personal_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace civicmesh {
namespace {

using Kinds = std::vector<PersonalKind>;
using enum PersonalKind;

struct Row {
  const char* text;
  Kinds found;
};

// What a text that staff write must not hold.
const Row kRefused[] = {{"13800138000", {kMobile}},
                        {"电话13800138000，谢谢", {kMobile}},
                        {"138 0013 8000", {kMobile}},
                        {"138-0013-8000", {kMobile}},
                        {"138　0013　8000", {kMobile}},
                        {"１３８００１３８０００", {kMobile}},
                        {"+8613800138000", {kMobile}},
                        {"8613800138000", {kMobile}},
                        {"008613800138000", {kMobile}},
                        {"013800138000", {kMobile}},
                        {"12345 13800138000", {kMobile}},
                        {"3301 13800138000", {kMobile}},
                        {"身份证330106199001011234", {kIdentityCard}},
                        {"33010619900101123X", {kIdentityCard}},
                        {"33010619900101123x", {kIdentityCard}},
                        {"330106 19900101 1234", {kIdentityCard}},
                        {"卡号6222020200112233446", {kBankCard}},
                        {"6222 0202 0011 2233 446", {kBankCard}},
                        {"浙A12345", {kPlate}},
                        {"浙a·12345", {kPlate}},
                        {"沪AD12345", {kPlate}},
                        {"京A1234警", {kPlate}},
                        {"粤B 12345", {kPlate}},
                        {"使A12345", {kPlate}},
                        {"li.si@example.com", {kEmail}},
                        {"邮箱zhang_3＠mail.example.cn", {kEmail}},
                        {"浙A12345，a@b.cn，13800138000", {kPlate, kEmail, kMobile}},
                        {"\xff\xe6 13800138000 \xe6\x9a", {kMobile}}};

// Masked where a citizen wrote it; staff may write it.
const Row kOnlyMasked[] = {{"0571-88888888", {kLandline}},
                           {"010 88000000转8", {kLandline}},
                           {"330102900101001", {kOldIdentityCard}},
                           {"6222000000000001", {kLongNumber}},
                           {"流水号6222020200112233440", {kLongNumber}},
                           {"12345678901234567890123", {kLongNumber}},
                           {"井盖编号33010199020100012", {kLongNumber}},
                           {"2026-09-18 2026-09-20", {kLongNumber}}};

TEST(PersonalNumbersTest, FindsWhatIdentifiesAPerson) {
  for (const auto& rows : {std::vector(std::begin(kRefused), std::end(kRefused)),
                           std::vector(std::begin(kOnlyMasked), std::end(kOnlyMasked))})
    for (const Row& row : rows) {
      Kinds found;
      for (const auto& place : FindPersonal(row.text)) found.push_back(place.kind);
      EXPECT_EQ(found, row.found) << row.text;
    }
}

TEST(PersonalNumbersTest, StaffAreRefusedOnlyWhatIsHardlyAnythingElse) {
  for (const Row& row : kRefused) EXPECT_TRUE(HoldsPersonalNumber(row.text)) << row.text;
  for (const Row& row : kOnlyMasked) EXPECT_FALSE(HoldsPersonalNumber(row.text)) << row.text;
}

TEST(PersonalNumbersTest, LeavesAlone) {
  for (const char* text : {"",
                           "望湖路525号对面",
                           "请拨打12345",
                           "案卷号9901012026111800042",
                           "网格990101001001001",
                           "2026-11-18 10:03至16:03",
                           "面积12平方米，共3处",
                           "4.5吨，23800138000号",
                           "市A区",
                           "沪宁线K123",
                           "@社区",
                           "A12345",
                           "10:20-11:00已清运",
                           "新A级景区2024",
                           "京A区的牌子",
                           "@全体 6@7",
                           "400-800-1234",
                           "12800000058",
                           "\xf0\x9f",
                           "\xff\xfe乱"})
    EXPECT_TRUE(FindPersonal(text).empty()) << text;
}

TEST(PersonalNumbersTest, SaysWhereInBytes) {
  const std::string text = "回电１38 0000 0058，谢谢";
  const auto places = FindPersonal(text);
  ASSERT_EQ(places.size(), 1u);
  EXPECT_EQ(text.substr(0, places[0].begin), "回电");
  EXPECT_EQ(text.substr(places[0].end), "，谢谢");
}

TEST(PersonalNumbersTest, TellsIdsFromNumbersOfPeople) {
  EXPECT_TRUE(LooksPersonal("13800000058"));
  EXPECT_TRUE(LooksPersonal("33010219900101000X"));
  EXPECT_TRUE(LooksPersonal("a@example.com"));
  EXPECT_FALSE(LooksPersonal("s0001"));
  EXPECT_FALSE(LooksPersonal("RX20260914-0000123"));
  EXPECT_FALSE(LooksPersonal("2026091400012345"));
  EXPECT_FALSE(LooksPersonal("p084"));
}

}  // namespace
}  // namespace civicmesh
