#include "services/runtime/journal/kafka_access.h"

#include <librdkafka/rdkafka.h>

#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "services/runtime/journal/kafka_admin.h"

namespace civicmesh {
namespace {

using On = KafkaGrant::On;
using May = KafkaGrant::May;
using Grants = std::set<KafkaGrant>;
using Binding = std::unique_ptr<rd_kafka_AclBinding_t, KafkaDeleter<rd_kafka_AclBinding_destroy>>;

constexpr std::string_view kUser = "User:";
constexpr char kAnyHost[] = "*";
constexpr std::pair<May, rd_kafka_AclOperation_t> kOperations[] = {
    {May::kRead, RD_KAFKA_ACL_OPERATION_READ},
    {May::kWrite, RD_KAFKA_ACL_OPERATION_WRITE},
    {May::kSee, RD_KAFKA_ACL_OPERATION_DESCRIBE},
    {May::kSeeSettings, RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS}};

rd_kafka_AclOperation_t OperationOf(May may) {
  for (const auto& [ours, theirs] : kOperations)
    if (ours == may) return theirs;
  return RD_KAFKA_ACL_OPERATION_UNKNOWN;
}

// As a filter it finds that very rule.
Binding BindingOf(const KafkaGrant& grant, decltype(rd_kafka_AclBinding_new)* make) {
  char why[256];
  return Binding(make(grant.on == On::kTopic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_GROUP, grant.name.c_str(),
                      grant.prefix ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                      absl::StrCat("User:", grant.user).c_str(), kAnyHost, OperationOf(grant.may),
                      RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof why));
}

// Nothing where it is a rule of a kind that we do not make.
std::optional<KafkaGrant> GrantOf(const rd_kafka_AclBinding_t* binding) {
  const std::string_view principal = rd_kafka_AclBinding_principal(binding);
  const auto type = rd_kafka_AclBinding_restype(binding);
  const auto pattern = rd_kafka_AclBinding_resource_pattern_type(binding);
  if (!principal.starts_with(kUser) || rd_kafka_AclBinding_host(binding) != std::string_view(kAnyHost) ||
      rd_kafka_AclBinding_permission_type(binding) != RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW ||
      (type != RD_KAFKA_RESOURCE_TOPIC && type != RD_KAFKA_RESOURCE_GROUP))
    return std::nullopt;
  for (const auto& [ours, theirs] : kOperations)
    if (theirs == rd_kafka_AclBinding_operation(binding))
      return KafkaGrant{.user = std::string(principal.substr(kUser.size())),
                        .on = type == RD_KAFKA_RESOURCE_TOPIC ? On::kTopic : On::kGroup,
                        .name = rd_kafka_AclBinding_name(binding),
                        .prefix = pattern == RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
                        .may = ours};
  return std::nullopt;
}

absl::Status InWords(const absl::Status& status) {
  // How a broker without an authorizer says so (SECURITY_DISABLED).
  if (status.message().find("Security features are disabled") != absl::string_view::npos)
    return absl::FailedPreconditionError("this Kafka has no authorizer: everybody may do everything");
  return status;
}

absl::StatusOr<Grants> Existing(KafkaAdmin& admin) {
  char why[256];
  const Binding any(rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_ANY, nullptr, RD_KAFKA_RESOURCE_PATTERN_ANY,
                                                  nullptr, nullptr, RD_KAFKA_ACL_OPERATION_ANY,
                                                  RD_KAFKA_ACL_PERMISSION_TYPE_ANY, why, sizeof why));
  auto event = admin.Ask(RD_KAFKA_ADMIN_OP_DESCRIBEACLS,
                         [&](auto* how, auto* queue) { rd_kafka_DescribeAcls(admin.handle(), any.get(), how, queue); });
  if (!event.ok()) return InWords(event.status());
  size_t count = 0;
  const auto** rules = rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event->get()), &count);
  Grants grants;
  for (size_t i = 0; i < count; ++i)
    if (auto grant = GrantOf(rules[i])) grants.insert(*std::move(grant));
  return grants;
}

absl::Status Add(KafkaAdmin& admin, const std::vector<KafkaGrant>& grants) {
  std::vector<Binding> bindings;
  std::vector<rd_kafka_AclBinding_t*> raw;
  for (const KafkaGrant& grant : grants)
    raw.push_back(bindings.emplace_back(BindingOf(grant, rd_kafka_AclBinding_new)).get());
  auto event = admin.Ask(RD_KAFKA_ADMIN_OP_CREATEACLS, [&](auto* how, auto* queue) {
    rd_kafka_CreateAcls(admin.handle(), raw.data(), raw.size(), how, queue);
  });
  if (!event.ok()) return event.status();
  size_t count = 0;
  const auto** results = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i)
    if (const auto* error = rd_kafka_acl_result_error(results[i]))
      return absl::InternalError(
          absl::StrCat(grants[i].user, " on ", grants[i].name, ": ", rd_kafka_error_string(error)));
  return absl::OkStatus();
}

absl::Status Remove(KafkaAdmin& admin, const std::vector<KafkaGrant>& grants) {
  std::vector<Binding> filters;
  std::vector<rd_kafka_AclBinding_t*> raw;
  for (const KafkaGrant& grant : grants)
    raw.push_back(filters.emplace_back(BindingOf(grant, rd_kafka_AclBindingFilter_new)).get());
  auto event = admin.Ask(RD_KAFKA_ADMIN_OP_DELETEACLS, [&](auto* how, auto* queue) {
    rd_kafka_DeleteAcls(admin.handle(), raw.data(), raw.size(), how, queue);
  });
  if (!event.ok()) return event.status();
  size_t count = 0;
  const auto** results = rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i)
    if (const auto* error = rd_kafka_DeleteAcls_result_response_error(results[i]))
      return absl::InternalError(
          absl::StrCat(grants[i].user, " on ", grants[i].name, ": ", rd_kafka_error_string(error)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AppliedGrants> ApplyGrants(const KafkaOptions& options, const std::vector<KafkaGrant>& grants) {
  auto admin = KafkaAdmin::Reach(options);
  if (!admin.ok()) return admin.status();
  auto existing = Existing(**admin);
  if (!existing.ok()) return existing.status();
  const Grants wanted(grants.begin(), grants.end());
  std::set<std::string> users;
  std::vector<KafkaGrant> missing, stale;
  for (const KafkaGrant& grant : wanted) {
    users.insert(grant.user);
    if (!existing->count(grant)) missing.push_back(grant);
  }
  for (const KafkaGrant& grant : *existing)
    if (users.count(grant.user) && !wanted.count(grant)) stale.push_back(grant);
  absl::Status changed = missing.empty() ? absl::OkStatus() : Add(**admin, missing);
  if (changed.ok() && !stale.empty()) changed = Remove(**admin, stale);
  if (!changed.ok()) return changed;
  return AppliedGrants{.added = static_cast<int>(missing.size()),
                       .removed = static_cast<int>(stale.size()),
                       .kept = static_cast<int>(wanted.size() - missing.size())};
}

}  // namespace civicmesh
