#include "services/runtime/base/secrets.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

namespace civicmesh {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kName[] = "CIVICMESH_SECRETS_TEST", kInFile[] = "CIVICMESH_SECRETS_TEST_FILE";

class SecretsTest : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv(kName);
    unsetenv(kInFile);
  }
  std::string File(const std::string& text) {
    const std::string path = testing::TempDir() + "/secrets_test";
    std::ofstream(path) << text;
    return path;
  }
  std::string Message(const std::string& text) { return std::string(ReadSettings(File(text)).status().message()); }
};

TEST_F(SecretsTest, StandsInTheEnvironmentOrInAFile) {
  EXPECT_EQ(*SecretFromEnvironment(kName), "");
  setenv(kName, "by value", 1);
  EXPECT_EQ(*SecretFromEnvironment(kName), "by value");
  unsetenv(kName);
  setenv(kInFile, File(" by file \r\n").c_str(), 1);
  EXPECT_EQ(*SecretFromEnvironment(kName), " by file ");
}

TEST_F(SecretsTest, AFileThatGivesNothingIsNoSecret) {
  setenv(kInFile, "/nowhere/secret", 1);
  EXPECT_THAT(SecretFromEnvironment(kName).status().message(),
              HasSubstr("CIVICMESH_SECRETS_TEST_FILE: cannot read /nowhere"));
  setenv(kInFile, File("\n").c_str(), 1);
  EXPECT_THAT(SecretFromEnvironment(kName).status().message(), HasSubstr("is empty"));
  setenv(kInFile, testing::TempDir().c_str(), 1);
  EXPECT_FALSE(SecretFromEnvironment(kName).ok());
}

TEST_F(SecretsTest, WhoeverGivesBothMeansOne) {
  setenv(kInFile, File("by file").c_str(), 1);
  setenv(kName, "by value", 1);
  EXPECT_THAT(SecretFromEnvironment(kName).status().message(), HasSubstr("not both"));
}

TEST_F(SecretsTest, SettingsAreLinesOfNameAndValue) {
  const auto settings = ReadSettings(File("# a login\n\nsasl.username = intake \r\nsasl.password=a=b#c\n"));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_THAT(*settings, UnorderedElementsAre(Pair("sasl.username", "intake"), Pair("sasl.password", "a=b#c")));
}

TEST_F(SecretsTest, AWrongLineIsNamedWithoutWhatItSays) {
  EXPECT_THAT(Message("a=1\nhunter2\n"), AllOf(HasSubstr("line 2"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Message("=hunter2\n"), AllOf(HasSubstr("line 1"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Message("a=1\na=hunter2\n"), AllOf(HasSubstr("a stands there twice"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace civicmesh
