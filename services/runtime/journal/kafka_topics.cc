#include "services/runtime/journal/kafka_topics.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/kafka_admin.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {
namespace {

constexpr int kTimeoutMs = KafkaAdmin::kTimeoutMs;
// A busy machine takes its time over the topics of a whole mesh.
constexpr int kLeadersTimeoutMs = 60000;
constexpr int kPauseMs = 20;
constexpr int64_t kDayMs = 24 * 3600 * 1000LL;

using Resource = std::unique_ptr<rd_kafka_ConfigResource_t, KafkaDeleter<rd_kafka_ConfigResource_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, KafkaDeleter<rd_kafka_NewTopic_destroy>>;

// A setting of a topic: exactly `value`, or with `at_least` a number not below it, where -1 stands for no limit.
struct Requirement {
  const char* name;
  std::string value;
  bool at_least = false;
};

std::vector<Requirement> RequirementsOf(const TopicSpec& topic, const KafkaOptions& options) {
  std::vector<Requirement> all = {{"cleanup.policy", topic.compaction_lag_ms > 0 ? "compact" : "delete"},
                                  {"unclean.leader.election.enable", "false"},
                                  {"retention.bytes", "-1"},
                                  {"retention.ms", absl::StrCat(topic.retention_ms), topic.retention_ms != -1},
                                  {"max.message.bytes", absl::StrCat(options.max_record_bytes), true}};
  if (topic.log_append_time) all.push_back({"message.timestamp.type", "LogAppendTime"});
  if (topic.compaction_lag_ms > 0) {
    all.push_back({"max.compaction.lag.ms", absl::StrCat(topic.compaction_lag_ms)});
    all.push_back({"min.compaction.lag.ms", "0"});
  }
  return all;
}

bool Meets(const std::string& actual, const Requirement& requirement) {
  if (!requirement.at_least) return actual == requirement.value;
  int64_t has = 0, needs = 0;
  return absl::SimpleAtoi(actual, &has) && absl::SimpleAtoi(requirement.value, &needs) && (has == -1 || has >= needs);
}

// Kafka says no more to who may not see a topic.
std::string NotForUs(const std::string& topic) {
  return absl::StrCat(topic, " is not for this user, or does not exist (civicctl access, as operator)");
}

absl::Status CheckPartitions(rd_kafka_t* handle, const std::vector<TopicSpec>& topics,
                             std::vector<std::string>* faults) {
  const rd_kafka_metadata_t* metadata = nullptr;
  for (const TopicSpec& topic : topics) {
    rd_kafka_topic_t* local = rd_kafka_topic_new(handle, topic.name.c_str(), nullptr);
    rd_kafka_resp_err_t error = rd_kafka_metadata(handle, 0, local, &metadata, kTimeoutMs);
    rd_kafka_topic_destroy(local);
    if (error) return absl::UnavailableError(rd_kafka_err2str(error));
    if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      faults->push_back(NotForUs(topic.name));
    } else if (metadata->topic_cnt != 1 || metadata->topics[0].err) {
      faults->push_back(absl::StrCat(topic.name, " does not exist"));
    } else if (metadata->topics[0].partition_cnt != topic.partitions) {
      faults->push_back(absl::StrCat(topic.name, " has ", metadata->topics[0].partition_cnt, " partitions, must have ",
                                     topic.partitions));
    }
    rd_kafka_metadata_destroy(metadata);
  }
  return absl::OkStatus();
}

void CheckSettings(const rd_kafka_ConfigResource_t* resource, const std::vector<Requirement>& requirements,
                   std::vector<std::string>* faults) {
  const std::string topic = rd_kafka_ConfigResource_name(resource);
  if (rd_kafka_ConfigResource_error(resource) == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
    faults->push_back(NotForUs(topic));
    return;
  }
  if (rd_kafka_ConfigResource_error(resource)) {
    faults->push_back(absl::StrCat(topic, ": ", rd_kafka_ConfigResource_error_string(resource)));
    return;
  }
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resource, &count);
  std::map<std::string, std::string> settings;
  for (size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    settings[rd_kafka_ConfigEntry_name(entries[i])] = value == nullptr ? "" : value;
  }
  for (const Requirement& requirement : requirements) {
    const std::string& actual = settings[requirement.name];
    if (Meets(actual, requirement)) continue;
    faults->push_back(absl::StrCat(topic, ": ", requirement.name, " is ", actual, ", must be ",
                                   requirement.at_least ? "at least " : "", requirement.value));
  }
}

absl::Status DescribeAndCheck(KafkaAdmin& admin, const KafkaOptions& options, const std::vector<TopicSpec>& topics,
                              std::vector<std::string>* faults) {
  std::vector<Resource> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  std::map<std::string, std::vector<Requirement>> requirements;
  for (const TopicSpec& topic : topics) {
    requirements[topic.name] = RequirementsOf(topic, options);
    raw.push_back(
        resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str())).get());
  }
  auto event = admin.Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, [&](auto* how, auto* queue) {
    rd_kafka_DescribeConfigs(admin.handle(), raw.data(), raw.size(), how, queue);
  });
  if (!event.ok()) return event.status();
  size_t count = 0;
  auto* result = rd_kafka_event_DescribeConfigs_result(event->get());
  const rd_kafka_ConfigResource_t** described = rd_kafka_DescribeConfigs_result_resources(result, &count);
  for (size_t i = 0; i < count; ++i)
    CheckSettings(described[i], requirements[rd_kafka_ConfigResource_name(described[i])], faults);
  return absl::OkStatus();
}

// What the client remembers of a topic that is being made may lack partitions, and it would believe that for minutes.
void LookAgain(rd_kafka_t* handle) {
  const rd_kafka_metadata_t* metadata = nullptr;
  if (!rd_kafka_metadata(handle, 1, nullptr, &metadata, kTimeoutMs)) rd_kafka_metadata_destroy(metadata);
}

// The controller answers before the leaders know that they lead.
absl::Status AwaitLeaders(rd_kafka_t* handle, const std::vector<TopicSpec>& topics) {
  const KafkaQueue idle(rd_kafka_queue_new(handle));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kLeadersTimeoutMs);
  for (const TopicSpec& topic : topics) {
    for (int partition = 0; partition < topic.partitions;) {
      int64_t begin, end;
      rd_kafka_resp_err_t error =
          rd_kafka_query_watermark_offsets(handle, topic.name.c_str(), partition, &begin, &end, kTimeoutMs);
      if (!error) {
        ++partition;
      } else if (std::chrono::steady_clock::now() > deadline) {
        return absl::UnavailableError(absl::StrCat(topic.name, "/", partition, ": ", rd_kafka_err2str(error)));
      } else {
        rd_kafka_queue_poll(idle.get(), kPauseMs);
        LookAgain(handle);
      }
    }
  }
  return absl::OkStatus();
}

NewTopic Blueprint(const KafkaOptions& options, const TopicSpec& topic, const TopicCreation& creation) {
  char error[256];
  NewTopic made(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, creation.replication, error, sizeof error));
  if (made == nullptr) return made;
  std::map<std::string, std::string> settings = SettingsOf(options, topic);
  settings["min.insync.replicas"] = absl::StrCat(creation.min_insync_replicas);
  for (const auto& [of, name, value] : creation.settings)
    if (KafkaTopicName(options.domain, of) == topic.name) settings[name] = value;
  for (const auto& [name, value] : settings) rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
  return made;
}

}  // namespace

std::vector<TopicSpec> TopicsOf(const KafkaOptions& options) {
  auto name = [&](Topic topic) { return KafkaTopicName(options.domain, topic); };
  return {{name(Topic::kInbox), options.shards, 30 * kDayMs, true},
          {name(Topic::kJournal), options.shards},
          {name(Topic::kEvents), options.shards},
          {name(Topic::kParked), options.shards, 90 * kDayMs}};
}

TopicSpec WebhooksProgressTopicSpec() {
  return {.name = WebhooksProgressTopic(), .partitions = 1, .compaction_lag_ms = kDayMs};
}

std::map<std::string, std::string> SettingsOf(const KafkaOptions& options, const TopicSpec& topic) {
  std::map<std::string, std::string> settings;
  for (const Requirement& requirement : RequirementsOf(topic, options)) settings[requirement.name] = requirement.value;
  // Room for the batch around the largest record.
  settings["max.message.bytes"] = absl::StrCat(options.max_record_bytes + 64 * 1024);
  return settings;
}

absl::Status CheckTopics(const KafkaOptions& options) { return CheckTopics(options, TopicsOf(options)); }

absl::Status CheckTopics(const KafkaOptions& options, const std::vector<TopicSpec>& topics) {
  auto admin = KafkaAdmin::Reach(options);
  if (!admin.ok()) return admin.status();
  std::vector<std::string> faults;
  absl::Status asked = CheckPartitions((*admin)->handle(), topics, &faults);
  if (asked.ok() && faults.empty()) asked = DescribeAndCheck(**admin, options, topics, &faults);
  if (!asked.ok()) return asked;
  return faults.empty() ? absl::OkStatus() : absl::FailedPreconditionError(absl::StrJoin(faults, "; "));
}

absl::Status CreateTopics(const KafkaOptions& options, const TopicCreation& creation) {
  return CreateTopics(options, TopicsOf(options), creation);
}

absl::Status CreateTopics(const KafkaOptions& options, const std::vector<TopicSpec>& topics,
                          const TopicCreation& creation) {
  auto admin = KafkaAdmin::Reach(options);
  if (!admin.ok()) return admin.status();
  std::vector<NewTopic> blueprints;
  std::vector<rd_kafka_NewTopic_t*> raw;
  for (const TopicSpec& topic : topics) {
    raw.push_back(blueprints.emplace_back(Blueprint(options, topic, creation)).get());
    if (raw.back() == nullptr) return absl::InvalidArgumentError("shards or replication out of range");
  }
  auto event = (*admin)->Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](auto* how, auto* queue) {
    rd_kafka_CreateTopics((*admin)->handle(), raw.data(), raw.size(), how, queue);
  });
  if (!event.ok()) return event.status();
  size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      return absl::InvalidArgumentError(
          absl::StrCat(rd_kafka_topic_result_name(results[i]), ": ", rd_kafka_topic_result_error_string(results[i])));
  }
  return AwaitLeaders((*admin)->handle(), topics);
}

}  // namespace civicmesh
