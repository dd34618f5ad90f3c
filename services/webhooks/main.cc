// civicmesh-webhooks: tells other agencies over HTTP what the public events say. README.md: the file of subscriptions.
// Flags as run_service.h, and
//
//   --subscriptions=/etc/civicmesh/webhooks.json
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "absl/flags/flag.h"
#include "services/runtime/base/log.h"
#include "services/runtime/hotstate/redis_once.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_keyed_log.h"
#include "services/runtime/journal/kafka_membership.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/service_flags.h"
#include "services/runtime/shard/reference_reader.h"
#include "services/webhooks/curl_post.h"
#include "services/webhooks/webhooks_control.h"
#include "services/webhooks/webhooks_process.h"

ABSL_FLAG(std::string, subscriptions, "", "the file of subscriptions (JSON); read again when it changes");

namespace {

constexpr const char* kSources[] = {"intake", "dispatch", "points", "volunteering"};
constexpr int64_t kTickNanos = 200 * 1000 * 1000;
constexpr absl::Duration kLeavePatience = absl::Seconds(2);

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A key in a file ends before its last line end.
std::string ReadSecret(const std::string& path) {
  std::string secret = ReadWhole(path);
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  return secret;
}

// Waits while Kafka is away. CANCELLED: asked to stop meanwhile.
absl::Status CheckPatiently(const civicmesh::KafkaOptions& options, const civicmesh::TopicSpec& topic) {
  absl::Status checked;
  while (absl::IsUnavailable(checked = civicmesh::CheckTopics(options, {topic})))
    if (civicmesh::WaitForStop(kTickNanos)) return absl::CancelledError("asked to stop");
  return checked;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace civicmesh;
  if (auto begun = BeginService(argc, argv, "webhooks"); !begun.ok()) return RefuseToStart(begun);
  webhooks::InitCurl();
  const TopicSpec progress = WebhooksProgressTopicSpec();
  KafkaOptions of_progress = KafkaFromFlags("webhooks");
  of_progress.shards = progress.partitions;
  if (auto topic = CheckPatiently(of_progress, progress); !topic.ok()) return RefuseToStart(topic);

  std::atomic<bool> our_turn{false};
  std::vector<std::unique_ptr<KafkaJournal>> journals;
  webhooks::ProcessParts parts{
      .open_progress = [&] { return std::make_unique<KafkaKeyedLog>(of_progress, progress.name); },
      .our_turn = [&] { return our_turn.load(); },
      .new_post = webhooks::NewCurlPost,
      .read_file = [] { return ReadWhole(absl::GetFlag(FLAGS_subscriptions)); },
      .read_secret = ReadSecret,
      .clock = Clock::Real()};
  for (const char* domain : kSources)
    parts.domains[domain] = journals.emplace_back(std::make_unique<KafkaJournal>(KafkaFromFlags(domain))).get();
  webhooks::WebhooksProcess process(std::move(parts));

  KafkaJournal reference_journal(ReferenceFromFlags());
  ReferenceLibrary library(WithRoster({}));
  const ReferenceReader reference_reader(&reference_journal, &library);
  const std::vector<std::string> redis = RedisFromFlags();
  const auto once = redis.empty() ? nullptr : std::make_unique<RedisOnce>(redis, RedisLoginFromFlags());
  const ProcessOptions options = OptionsFromFlags();
  auto control = webhooks::WebhooksControl::Start(options, &library, once.get(), &process);
  if (!control.ok()) return RefuseToStart(control.status());
  // Who has the one partition of the topic of progress is the one that sends.
  KafkaMembership membership(
      of_progress,
      [&](const std::set<int>& ours) {
        our_turn = !ours.empty();
        Log(Severity::kInfo, "turn", {{"ours", !ours.empty()}});
      },
      progress.name);
  Log(Severity::kInfo, "started", {{"listen", options.listen}});
  while (!WaitForStop(kTickNanos)) {
    (*control)->Tick();
    if (auto alive = process.Tick(); !alive.ok()) return RefuseToStart(alive);
  }
  membership.Close(kLeavePatience).IgnoreError();  // the group finds out by itself
  Log(Severity::kInfo, "stopped");
  // What was taken is remembered, or is sent once more.
  _exit(0);
}
