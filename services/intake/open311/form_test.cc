#include "services/intake/open311/form.h"

#include <gmock/gmock.h>

namespace civicmesh::intake::open311 {
namespace {

using testing::ElementsAre;
using testing::Optional;
using testing::Pair;

TEST(FormTest, ReadsWhatAppsSend) {
  EXPECT_THAT(
      DecodeForm("service_code=E0110&description=%E5%9E%83+%E5%9C%BE%0A2&attribute%5Bplace%5D=a%26b&x&y=&&z=1=2"),
      Optional(ElementsAre(Pair("service_code", "E0110"), Pair("description", "垃 圾\n2"),
                           Pair("attribute[place]", "a&b"), Pair("x", ""), Pair("y", ""), Pair("z", "1=2"))));
  EXPECT_THAT(DecodeForm(""), Optional(ElementsAre()));
  EXPECT_THAT(DecodeForm("a[]=1&a[]=2"), Optional(ElementsAre(Pair("a[]", "1"), Pair("a[]", "2"))));
}

TEST(FormTest, RefusesWhatIsNoForm) {
  for (const char* body : {"a=%", "a=%4", "a=%zz", "%=a", "a=%00", "a=%FF", "a=%C0%81", "a=%E0%81%81", "a=%ED%A0%80",
                           "a=%F0%81%81%81", "a=%F4%90%80%80", "a=%F8%88%80%80%80", "a=%E5%9E", "%FF=a"})
    EXPECT_EQ(DecodeForm(body), std::nullopt) << body;
  for (const char* body : {"a=%C2%80", "a=%E0%A0%80", "a=%ED%9F%BF", "a=%EF%BF%BD", "a=%EF%BC%A1", "a=%F4%8F%BF%BF"})
    EXPECT_NE(DecodeForm(body), std::nullopt) << body;
}

TEST(FormTest, HasABound) {
  std::string body;
  for (size_t i = 0; i < kMaxFields; ++i) body += "a=1&";
  EXPECT_NE(DecodeForm(body), std::nullopt);
  EXPECT_EQ(DecodeForm(body + "a=1"), std::nullopt);
}

TEST(FormTest, IsToldByItsContentType) {
  for (const char* type : {"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8",
                           "Application/X-WWW-Form-Urlencoded ;charset=\"UTF-8\""})
    EXPECT_TRUE(IsForm(type)) << type;
  for (const char* type :
       {"", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=gbk"})
    EXPECT_FALSE(IsForm(type)) << type;
}

TEST(FormTest, AnEmptyValueIsNone) {
  const Form form{{"a", ""}, {"a", " x "}, {"a", "y"}};
  EXPECT_EQ(ValueOf(form, "a"), "x");
  EXPECT_EQ(ValueOf(form, "b"), "");
}

}  // namespace
}  // namespace civicmesh::intake::open311
