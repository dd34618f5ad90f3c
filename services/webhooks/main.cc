// civicmesh-webhooks: tells other agencies over HTTP what the public events say. README.md: the file of subscriptions.
//
//   --kafka=host:port  --shards=8  --subscriptions=/etc/civicmesh/webhooks.json
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "absl/flags/flag.h"
#include "services/runtime/base/log.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/journal/kafka_keyed_log.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/rpc/service_flags.h"
#include "services/webhooks/curl_post.h"
#include "services/webhooks/webhooks_process.h"

ABSL_FLAG(std::string, subscriptions, "", "the file of subscriptions (JSON); read again when it changes");

namespace {

constexpr const char* kSources[] = {"intake", "dispatch", "points", "volunteering"};
constexpr int64_t kTickNanos = 1000 * 1000 * 1000;

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

}  // namespace

int main(int argc, char** argv) {
  using namespace civicmesh;
  if (auto begun = BeginService(argc, argv, "webhooks", /*listens=*/false); !begun.ok()) return RefuseToStart(begun);
  webhooks::InitCurl();
  std::vector<std::unique_ptr<KafkaJournal>> journals;
  webhooks::ProcessParts parts{.new_post = webhooks::NewCurlPost,
                               .read_file = [] { return ReadWhole(absl::GetFlag(FLAGS_subscriptions)); },
                               .read_secret = ReadSecret,
                               .clock = Clock::Real()};
  for (const char* domain : kSources)
    parts.domains[domain] = journals.emplace_back(std::make_unique<KafkaJournal>(KafkaFromFlags(domain))).get();
  const TopicSpec progress = WebhooksProgressTopicSpec();
  KafkaOptions of_progress = KafkaFromFlags("webhooks");
  of_progress.shards = progress.partitions;
  absl::Status topic;
  while (absl::IsUnavailable(topic = CheckTopics(of_progress, {progress})))
    if (WaitForStop(kTickNanos)) return 0;
  if (!topic.ok()) return RefuseToStart(topic);
  KafkaKeyedLog progress_log(of_progress, progress.name);
  parts.progress = &progress_log;

  webhooks::WebhooksProcess process(std::move(parts));
  if (auto first = process.Tick(); !first.ok()) return RefuseToStart(first);
  Log(Severity::kInfo, "started");
  while (!WaitForStop(kTickNanos)) process.Tick().IgnoreError();
  Log(Severity::kInfo, "stopped");
  // What was taken is remembered, or is sent once more.
  _exit(0);
}
