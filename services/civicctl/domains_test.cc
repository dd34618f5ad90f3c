#include "services/civicctl/domains.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_split.h"
#include "services/civicctl/files.h"
#include "services/civicctl/topics.h"

namespace civicmesh::civicctl {
namespace {

const std::string kRepository = CIVICMESH_REPOSITORY;

// A service has an inbox where its events proto names topics.
TEST(DomainsTest, EveryServiceWithAnInboxIsKnown) {
  const std::string list = ReadFile(kRepository + "/services/services.txt").value();
  std::set<std::string> expected, known;
  for (absl::string_view line : absl::StrSplit(list, '\n', absl::SkipWhitespace())) {
    const std::string name(line);
    auto events = ReadFile(kRepository + "/proto/civicmesh/" + name + "/v1/" + name + "_events.proto");
    if (events.ok() && events->find("civicmesh.options.v1.topics") != std::string::npos) expected.insert(name);
  }
  for (const Domain& domain : Domains()) known.insert(domain.name);
  EXPECT_EQ(known, expected);
}

// Two places say what a domain's topics are: its proto, and what its service checks at start-up.
TEST(DomainsTest, TheProtosNameTheTopicsThatServicesCheck) {
  std::map<std::string, TopicSpec> named;
  for (const TopicSpec& topic : AllTopics(8)) named[topic.name] = topic;
  size_t checked = 0;
  for (const Domain& domain : Domains()) {
    for (const TopicSpec& wanted : TopicsOf({.brokers = "", .domain = domain.name, .shards = 8})) {
      ASSERT_TRUE(named.count(wanted.name)) << wanted.name;
      EXPECT_EQ(named[wanted.name].partitions, wanted.partitions) << wanted.name;
      EXPECT_EQ(named[wanted.name].retention_ms, wanted.retention_ms) << wanted.name;
      EXPECT_EQ(named[wanted.name].log_append_time, wanted.log_append_time) << wanted.name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 4 * Domains().size());
  EXPECT_EQ(named["civicmesh.reference.journal.v1"].partitions, 1);
}

TEST(TopicsTest, TheYamlInDeployIsTheGeneratedOne) {
  EXPECT_EQ(ReadFile(kRepository + "/deploy/topics.yaml").value_or(""), TopicsYaml())
      << "run: civicctl topics yaml > deploy/topics.yaml";
}

}  // namespace
}  // namespace civicmesh::civicctl
