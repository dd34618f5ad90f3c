#include "services/intake/text/masking.h"

#include <gtest/gtest.h>

#include <string>

#include "services/runtime/personal/utf8.h"

namespace civicmesh::intake {
namespace {

struct Row {
  const char* text;
  const char* masked;
};

class MaskingTest : public testing::TestWithParam<Row> {};

TEST_P(MaskingTest, Masks) { EXPECT_EQ(Mask(GetParam().text).text, GetParam().masked); }

INSTANTIATE_TEST_SUITE_P(Mobile, MaskingTest,
                         testing::Values(Row{"回电13800000058，白天都在", "回电【手机号】，白天都在"},
                                         Row{"13800000058", "【手机号】"},
                                         Row{"１３８００００００５８。", "【手机号】。"},
                                         Row{"138 0000 0058找我", "【手机号】找我"}, Row{"138-0000-0058", "【手机号】"},
                                         Row{"+86 13800000058", "+【手机号】"}, Row{"8613800000058", "【手机号】"},
                                         Row{"008613800000058", "【手机号】"},
                                         Row{"13800000058 13900000059", "【手机号】 【手机号】"},
                                         Row{"联系人老林13800000058李", "联系人老林【手机号】李"}));

INSTANTIATE_TEST_SUITE_P(Landline, MaskingTest,
                         testing::Values(Row{"座机0571-88000000", "座机【电话号码】"},
                                         Row{"010 88000000转8", "【电话号码】转8"}));

INSTANTIATE_TEST_SUITE_P(IdentityCard, MaskingTest,
                         testing::Values(Row{"证号330102199001010001。", "证号【身份证号】。"},
                                         Row{"33010219900101000X", "【身份证号】"},
                                         Row{"33010219900101000x的", "【身份证号】的"},
                                         Row{"330102 19900101 0001", "【身份证号】"},
                                         Row{"330102900101001", "【身份证号】"}));

INSTANTIATE_TEST_SUITE_P(BankCard, MaskingTest,
                         testing::Values(Row{"卡上6222000000000000000", "卡上【银行卡号】"},
                                         Row{"6222 0000 0000 0000 000退", "【银行卡号】退"},
                                         Row{"6222000000000000", "【银行卡号】"},
                                         Row{"12345678901234567890123", "【银行卡号】"}));

INSTANTIATE_TEST_SUITE_P(Plate, MaskingTest,
                         testing::Values(Row{"车牌浙A00000，请查", "车牌【车牌号】，请查"},
                                         Row{"浙A·12B45堵门", "【车牌号】堵门"}, Row{"浙ad12345的车", "【车牌号】的车"},
                                         Row{"粤Z1234港停着", "【车牌号】停着"}, Row{"浙Ａ１２３４５", "【车牌号】"}));

INSTANTIATE_TEST_SUITE_P(Email, MaskingTest,
                         testing::Values(Row{"发我邮箱nobody@example.com", "发我邮箱【邮箱】"},
                                         Row{"a.b-c+1@mail.example.cn.", "【邮箱】."},
                                         Row{"13800000058@example.com", "【邮箱】"},
                                         Row{"x＠example．com", "【邮箱】"}));

// What only looks like it.
INSTANTIATE_TEST_SUITE_P(Nothing, MaskingTest,
                         testing::Values(Row{"", ""}, Row{"望湖路525号13幢2单元", "望湖路525号13幢2单元"},
                                         Row{"2026-09-14 08:30", "2026-09-14 08:30"},
                                         Row{"12345热线，96310", "12345热线，96310"},
                                         Row{"网格990101001001001", "网格990101001001001"},
                                         Row{"第3-5-7号", "第3-5-7号"}, Row{"投入1200000000元", "投入1200000000元"},
                                         Row{"12800000058", "12800000058"}, Row{"A市A3区大道", "A市A3区大道"},
                                         Row{"京A区的牌子", "京A区的牌子"}, Row{"@全体 6@7", "@全体 6@7"},
                                         Row{"400-800-1234", "400-800-1234"}, Row{"\xff\xfe乱", "\xff\xfe乱"}));

TEST(MaskingTest, FindsAllOfATextInOrder) {
  const Masked masked = Mask("张三13800000058，浙A12345，zs@example.com，证33010219900101000X");
  EXPECT_EQ(masked.text, "张三【手机号】，【车牌号】，【邮箱】，证【身份证号】");
  EXPECT_EQ(masked.found, (std::vector{PersonalKind::kMobile, PersonalKind::kPlate, PersonalKind::kEmail,
                                       PersonalKind::kIdentityCard}));
  EXPECT_EQ(Mask(masked.text).text, masked.text);
}

TEST(Utf8Test, CountsAndTrims) {
  EXPECT_EQ(CountCharacters("路灯a1"), 4u);
  EXPECT_EQ(CountCharacters("\xe8\xb7"), 2u);
  EXPECT_EQ(Trim(" 　\n路 灯\t"), "路 灯");
  EXPECT_EQ(Trim(" 　"), "");
}

}  // namespace
}  // namespace civicmesh::intake
