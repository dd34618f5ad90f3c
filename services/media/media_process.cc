#include "services/media/media_process.h"

#include <grpcpp/impl/service_type.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "services/media/media_rpc.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/log.h"
#include "services/runtime/objects/buckets.h"
#include "services/runtime/rpc/control_service.h"
#include "services/runtime/rpc/doorkeeper.h"
#include "services/runtime/rpc/metrics.h"
#include "services/runtime/rpc/people.h"
#include "services/runtime/rpc/rpc_server.h"
#include "services/runtime/rpc/serial_executor.h"
#include "services/runtime/rpc/service_context.h"
#include "services/runtime/shard/worker.h"

namespace civicmesh::media {
namespace {

constexpr char kName[] = "media";
constexpr int64_t kLookEveryMs = 2000, kSweepEveryMs = 10 * 60 * 1000;
constexpr int kTurnMs = 200;
constexpr absl::Duration kBackOff = absl::Seconds(1);

}  // namespace

struct MediaProcess::Impl {
  const Clock* const clock = Clock::Real();
  Metrics metrics{kName};
  const Uploads uploads;
  ObjectStore* const store;
  Keeper keeper;
  std::unique_ptr<Doorkeeper> doorkeeper;
  ServiceContext context;
  std::unique_ptr<RpcServer> server;
  int64_t looked_ms = 0;
  std::atomic<bool> store_answers{false};
  absl::Mutex mutex;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread keeping;
  SerialExecutor looks{1};  // asks the store how it is; ends first

  Impl(UploadParts parts, std::vector<Keeper::Source> sources)
      : uploads(parts), store(parts.store), keeper(store, std::move(sources), parts.now) {}

  absl::Status Start(const ProcessOptions& options, const ReferenceLibrary* references, Once* once) {
    auto made = Doorkeeper::Make(options, PeopleOf(*references), once, clock, &metrics);
    if (!made.ok()) return made.status();
    doorkeeper = *std::move(made);
    context = {.domain = kName,
               .shards = 0,
               .driven_clock = options.driven_clock,
               .clock = clock,
               .gate = doorkeeper->gate(),
               .metrics = &metrics,
               .status = [] { return std::vector<ShardStatus>(); }};
    std::vector<std::shared_ptr<grpc::Service>> services;
    services.push_back(MakeMediaRpc(context, &uploads));
    services.push_back(MakeControlService({.service = &context}));
    auto started = RpcServer::Start(options.listen, options.reflection, std::move(services), &metrics, clock);
    if (!started.ok()) return started.status();
    server = *std::move(started);
    keeping = std::thread([this] { KeepOn(); });
    return absl::OkStatus();
  }

  bool Stopped(absl::Duration wait) {
    absl::MutexLock lock(&mutex);
    return mutex.AwaitWithTimeout(absl::Condition(&stopping), wait);
  }

  void KeepOn() {
    int64_t swept_ms = 0;
    while (!Stopped(absl::ZeroDuration())) {
      absl::Status kept = keeper.Turn(kTurnMs);
      if (kept.ok() && (swept_ms == 0 || clock->steady_ms() - swept_ms >= kSweepEveryMs)) {
        kept = keeper.Sweep();
        swept_ms = clock->steady_ms();
      }
      if (kept.ok()) continue;
      Log(Severity::kWarning, "the keeper waits", {{"why", std::string(kept.message())}});
      Stopped(kBackOff);
    }
  }

  void Tick() {
    doorkeeper->Tick();
    if (looked_ms == 0 || clock->steady_ms() - looked_ms >= kLookEveryMs) {
      looked_ms = clock->steady_ms();
      looks.Post([this] { store_answers = store->List(kIncomingBucket, "health/", "", 1).ok(); });
    }
    server->Say("keys", doorkeeper->keys_good());
    server->Say("", store_answers && doorkeeper->ready());
  }

  void Drain(absl::Duration patience) {
    {
      absl::MutexLock lock(&mutex);
      if (std::exchange(stopping, true)) return;
    }
    if (server) server->Shutdown(patience);
    if (keeping.joinable()) keeping.join();
  }
};

MediaProcess::MediaProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MediaProcess::~MediaProcess() { impl_->Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<MediaProcess>> MediaProcess::Start(const ProcessOptions& options, UploadParts parts,
                                                                  std::vector<Keeper::Source> sources,
                                                                  const ReferenceLibrary* references, Once* once) {
  std::unique_ptr<MediaProcess> process(new MediaProcess(std::make_unique<Impl>(std::move(parts), std::move(sources))));
  if (auto started = process->impl_->Start(options, references, once); !started.ok()) return started;
  return process;
}

void MediaProcess::Tick() { impl_->Tick(); }
void MediaProcess::Drain(absl::Duration patience) { impl_->Drain(patience); }

}  // namespace civicmesh::media
