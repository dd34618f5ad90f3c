// What stands in the list, asked as an intruder would: what may the user of one service do to what is another's.
#include "services/civicctl/access.h"

#include <gmock/gmock.h>

#include "services/civicctl/domains.h"

namespace civicmesh::civicctl {
namespace {

using May = KafkaGrant::May;

std::set<std::string> Whose(const std::string& topic, May may) {
  std::set<std::string> users;
  for (const KafkaGrant& grant : Grants()) {
    if (grant.on != KafkaGrant::On::kTopic || grant.may != may) continue;
    if (grant.prefix ? topic.starts_with(grant.name) : topic == grant.name) users.insert(grant.user);
  }
  return users;
}

TEST(AccessTest, OnlyItsOwnServiceWritesADomainsTopicsAndReadsAllButTheEvents) {
  const std::set<std::string> none;
  for (const Domain& domain : Domains()) {
    for (const std::string& topic : TopicNames(domain)) {
      const std::set<std::string> own{domain.name};
      EXPECT_EQ(Whose(topic, May::kWrite), own) << topic;
      if (topic.ends_with(".events.v1")) continue;
      EXPECT_EQ(Whose(topic, May::kRead), own) << topic;
    }
  }
  EXPECT_EQ(Whose("civicmesh.reference.journal.v1", May::kWrite), none);
}

TEST(AccessTest, EventsAreReadByWhoFollowsThem) {
  EXPECT_THAT(Whose("civicmesh.intake.events.v1", May::kRead),
              testing::UnorderedElementsAre("intake", "dispatch", "media", "analytics", "webhooks", "data"));
  EXPECT_THAT(Whose("civicmesh.volunteering.events.v1", May::kRead),
              testing::UnorderedElementsAre("volunteering", "points", "analytics", "webhooks", "data"));
  EXPECT_THAT(Whose("civicmesh.points.events.v1", May::kRead),
              testing::UnorderedElementsAre("points", "intake", "analytics", "webhooks", "data"));
}

TEST(AccessTest, TheDataTeamSeesEventsAndItsOwnGroupsOnly) {
  for (const KafkaGrant& grant : Grants()) {
    if (grant.user != "data") continue;
    EXPECT_EQ(grant.may, May::kRead) << grant.name;
    EXPECT_TRUE(grant.on == KafkaGrant::On::kTopic ? grant.name.ends_with(".events.v1") : grant.name == "data.")
        << grant.name;
  }
}

TEST(AccessTest, NobodyJoinsAnothersGroups) {
  for (const KafkaGrant& grant : Grants()) {
    if (grant.on == KafkaGrant::On::kTopic || grant.name.ends_with(".readers") || grant.user == "data") continue;
    EXPECT_EQ(grant.name.rfind("civicmesh." + grant.user + ".", 0), 0u) << grant.name;
  }
}

}  // namespace
}  // namespace civicmesh::civicctl
