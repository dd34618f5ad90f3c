// civicmesh-analytics: reads the public events of the other services and answers with figures. Flags as run_service.h.
#include <unistd.h>

#include <memory>
#include <vector>

#include "services/analytics/analytics_process.h"
#include "services/runtime/base/log.h"
#include "services/runtime/hotstate/redis_once.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/service_flags.h"
#include "services/runtime/shard/reference_reader.h"

namespace {

constexpr const char* kSources[] = {"intake", "dispatch", "points", "volunteering"};
constexpr int64_t kTickNanos = 100 * 1000 * 1000;
constexpr absl::Duration kDrainPatience = absl::Seconds(3);
constexpr int kExitBroken = 70;

}  // namespace

int main(int argc, char** argv) {
  using namespace civicmesh;
  if (auto begun = BeginService(argc, argv, "analytics"); !begun.ok()) return RefuseToStart(begun);
  std::vector<std::unique_ptr<KafkaJournal>> journals;
  std::vector<analytics::FoldSource> sources;
  for (const char* domain : kSources) {
    KafkaOptions kafka = KafkaFromFlags(domain);
    kafka.patience = kUnwaitedFor;
    if (auto topics = CheckTopicsPatiently(kafka); !topics.ok()) return RefuseToStart(topics);
    journals.push_back(std::make_unique<KafkaJournal>(kafka));
    sources.push_back({domain, journals.back().get()});
  }
  const ProcessOptions options = OptionsFromFlags();
  KafkaJournal reference_journal(ReferenceFromFlags());
  ReferenceLibrary library(WithRoster({}));
  const ReferenceReader reference_reader(&reference_journal, &library);
  const std::vector<std::string> redis = RedisFromFlags();
  const auto once = redis.empty() ? nullptr : std::make_unique<RedisOnce>(redis, RedisLoginFromFlags());
  auto process = analytics::AnalyticsProcess::Start(options, sources, &library, once.get());
  if (!process.ok()) return RefuseToStart(process.status());
  Log(Severity::kInfo, "started", {{"listen", options.listen}});

  while (!WaitForStop(kTickNanos)) {
    const absl::Status alive = (*process)->Tick();
    if (alive.ok()) continue;
    Log(Severity::kError, "ends", {{"why", std::string(alive.message())}});
    _exit(kExitBroken);
  }
  Log(Severity::kInfo, "drains");
  (*process)->Drain(kDrainPatience);
  Log(Severity::kInfo, "stopped");
  // Clients' threads may hang in a broker that is away; nothing is left to be kept.
  _exit(0);
}
