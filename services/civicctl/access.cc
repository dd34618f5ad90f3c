#include "services/civicctl/access.h"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

using On = KafkaGrant::On;
using May = KafkaGrant::May;

constexpr char kReference[] = "reference", kAnalytics[] = "analytics", kDataTeam[] = "data", kWebhooks[] = "webhooks",
               kMedia[] = "media";
// Whose events media follows.
const std::set<std::string> kNamesUploads = {"intake", "dispatch"};

class GrantTable {
 public:
  void Topic(const std::string& user, const std::string& name, std::initializer_list<May> may) {
    for (May one : may) grants_.push_back({.user = user, .on = On::kTopic, .name = name, .may = one});
  }
  void Group(const std::string& user, const std::string& name, bool prefix = false) {
    grants_.push_back({.user = user, .on = On::kGroup, .name = name, .prefix = prefix});
  }
  // The public events of `source`. A reader's client asks after the source's other topics too, and gives its readers'
  // name.
  void Follow(const std::string& user, const Domain& source) {
    for (const std::string& topic : TopicNames(source)) Topic(user, topic, {May::kSee});
    Topic(user, EventsTopic(source.name), {May::kRead});
    Group(user, ReadersGroup(source.name));
  }
  void Reference(const std::string& user) {
    // A reader's client asks after all topics of its domain, and a refusal is a line in the broker's log.
    for (const std::string& none : {InboxTopic(kReference), EventsTopic(kReference), ParkedTopic(kReference)})
      Topic(user, none, {May::kSee});
    Topic(user, ReferenceTopic(), {May::kRead, May::kSeeSettings});
    // Which are not there; asked for all the same.
    for (const std::string& topic : {InboxTopic(kReference), EventsTopic(kReference), ParkedTopic(kReference)})
      Topic(user, topic, {May::kSee});
    Group(user, ReadersGroup(kReference));
  }
  std::vector<KafkaGrant> Take() { return std::move(grants_); }

 private:
  std::vector<KafkaGrant> grants_;
};

void AddService(const Domain& domain, GrantTable& table) {
  const std::string& user = domain.name;
  for (const std::string& topic : TopicNames(domain))
    table.Topic(user, topic, {May::kRead, May::kWrite, May::kSeeSettings});
  table.Group(user, OwnersGroup(domain.name));
  table.Group(user, ReadersGroup(domain.name));
  table.Group(user, PolicyGroup(domain.name, ""), /*prefix=*/true);
  table.Reference(user);
  for (const Domain& source : Domains())
    if (domain.follows.count(source.name)) table.Follow(user, source);
}

absl::Status Apply(const KafkaPlace& kafka, std::ostream& out) {
  const auto applied = ApplyGrants(kafka.Of("access"), Grants());
  if (!applied.ok()) return applied.status();
  out << "rules of Kafka: " << applied->added << " added, " << applied->removed << " removed, " << applied->kept
      << " kept\n";
  return absl::OkStatus();
}

std::string Word(May may) {
  switch (may) {
    case May::kRead:
      return "read";
    case May::kWrite:
      return "write";
    case May::kSee:
      return "see";
    case May::kSeeSettings:
      return "see settings";
  }
  return "";
}

absl::Status List(std::ostream& out) {
  std::map<std::tuple<std::string, On, std::string>, std::vector<std::string>> rows;
  for (const KafkaGrant& grant : Grants())
    rows[{grant.user, grant.on, grant.name + (grant.prefix ? "*" : "")}].push_back(Word(grant.may));
  Table table({"user", "", "name", "may"});
  for (const auto& [of, may] : rows)
    table.Add({std::get<0>(of), std::get<1>(of) == On::kTopic ? "topic" : "group", std::get<2>(of),
               absl::StrJoin(may, ", ")});
  table.Print(out);
  return absl::OkStatus();
}

}  // namespace

std::vector<KafkaGrant> Grants() {
  GrantTable table;
  for (const Domain& domain : Domains()) {
    AddService(domain, table);
    table.Follow(kAnalytics, domain);
    for (const std::string& topic : TopicNames(domain)) table.Topic(kAnalytics, topic, {May::kSeeSettings});
    table.Topic(kDataTeam, EventsTopic(domain.name), {May::kRead});
  }
  for (const Domain& domain : Domains()) table.Follow(kWebhooks, domain);
  table.Topic(kWebhooks, WebhooksProgressTopic(), {May::kRead, May::kWrite, May::kSeeSettings});
  table.Group(kWebhooks, ReadersGroup(kWebhooks));
  table.Group(kWebhooks, OwnersGroup(kWebhooks));
  table.Reference(kWebhooks);
  for (const Domain& domain : Domains())
    if (kNamesUploads.count(domain.name)) {
      table.Follow(kMedia, domain);
      for (const std::string& topic : TopicNames(domain)) table.Topic(kMedia, topic, {May::kSeeSettings});
    }
  table.Group(kMedia, PolicyGroup(kMedia, ""), /*prefix=*/true);
  table.Reference(kMedia);
  table.Reference(kAnalytics);
  table.Group(kDataTeam, absl::StrCat(kDataTeam, "."), /*prefix=*/true);
  return table.Take();
}

Command AccessCommand() {
  return {"access", "what each user of Kafka may do: list it, make it hold", [](CLI::App& app) {
            auto kafka = std::make_shared<KafkaPlace>();
            app.require_subcommand(1);
            CLI::App* apply =
                app.add_subcommand("apply", "make the rules of the cluster equal to the list, as its operator");
            AddBrokers(*apply, *kafka);
            app.add_subcommand("list", "print the list");
            return [=](std::ostream& out) -> absl::Status { return apply->parsed() ? Apply(*kafka, out) : List(out); };
          }};
}

}  // namespace civicmesh::civicctl
