#include "services/intake/open311/settings.h"

#include <gmock/gmock.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/runtime/base/ids.h"

namespace civicmesh::intake::open311 {
namespace {

std::string Text(const std::string& key) {
  return absl::StrCat(R"({"url": "https://city.test/open311/v2", "type": "production", "changeset": "2026-11-29",
      "contact": "c", "key_service": "k", "jurisdiction_id": "city.test",
      "clients": [{"subject": "app-street", "sha256": ")",
                      absl::BytesToHexString(Sha256(key)), "\"}]}");
}

TEST(SettingsTest, AKeyNamesAnApp) {
  const auto settings = Settings::Parse(Text("secret"));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->ClientOf("secret").subject, "app-street");
  for (const char* key : {"", "Secret", "secret ", "app-street"}) EXPECT_EQ(settings->ClientOf(key).subject, "") << key;
  EXPECT_FALSE(settings->ClientOf("secret").reads_own);
  const auto trusted = Settings::Parse(absl::StrReplaceAll(Text("secret"), {{"\"}]", "\", \"reads_own\": true}]"}}));
  EXPECT_TRUE(trusted->ClientOf("secret").reads_own);
  EXPECT_EQ(settings->type, "production");
  EXPECT_EQ(settings->url, "https://city.test/open311/v2");
}

// Without a key in the request, a client whose digest is that of nothing must not be found.
TEST(SettingsTest, NoKeyIsNobodys) { EXPECT_EQ(Settings::Parse(Text(""))->ClientOf("").subject, ""); }

TEST(SettingsTest, AJurisdictionMayBeLeftOut) {
  const auto settings = Settings::Parse(Text("k"));
  EXPECT_TRUE(settings->IsHere(""));
  EXPECT_TRUE(settings->IsHere("city.test"));
  EXPECT_FALSE(settings->IsHere("other.test"));
  EXPECT_TRUE(Settings().IsHere("other.test"));
}

TEST(SettingsTest, RefusesWhatIsNoSettings) {
  const std::string good = Text("k");
  for (const std::string& bad :
       {std::string(""), std::string("[]"), std::string("{"), absl::StrReplaceAll(good, {{"production", "real"}}),
        absl::StrReplaceAll(good, {{"app-street", ""}}), absl::StrReplaceAll(good, {{"\"}]", "0\"}]"}}),
        absl::StrReplaceAll(good, {{"\"sha256\"", "\"sha\""}}), std::string(R"({"clients": ["x"]})")})
    EXPECT_FALSE(Settings::Parse(bad).ok()) << bad;
  EXPECT_FALSE(SettingsFile::Open("/nowhere/open311.json").ok());
  EXPECT_TRUE(SettingsFile::Open("").ok());
}

TEST(SettingsTest, AChangedFileHoldsAfterAWhile) {
  std::string text = Text("one");
  SettingsFile file(*Settings::Parse(text), text, [&] { return text; });
  EXPECT_EQ(file.Now(10000)->ClientOf("one").subject, "app-street");
  text = Text("two");
  EXPECT_EQ(file.Now(10000 + SettingsFile::kEveryMs - 1)->ClientOf("two").subject, "");
  EXPECT_EQ(file.Now(10000 + SettingsFile::kEveryMs)->ClientOf("two").subject, "app-street");
  EXPECT_EQ(file.Now(10000 + SettingsFile::kEveryMs)->ClientOf("one").subject, "");
  text = "damaged";
  EXPECT_EQ(file.Now(90000)->ClientOf("two").subject, "app-street");
}

}  // namespace
}  // namespace civicmesh::intake::open311
