#include "services/webhooks/webhooks_process.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "services/runtime/base/log.h"
#include "services/webhooks/cloud_event.h"
#include "services/webhooks/subscriptions.h"

namespace civicmesh::webhooks {
namespace {

constexpr int kTurnMs = 200;
constexpr int kPollMs = 50;
constexpr size_t kLeastSecret = 24;
constexpr int64_t kTellEveryMs = 60 * 1000;

// What stands in the topic of progress, by subscription.
struct Remembered : KeyedSink {
  std::map<std::string, Progress> of;
  bool current = false;
  void OnRecord(int, std::string key, std::optional<std::string> value) override {
    const size_t slash = key.find('/');
    if (slash == std::string::npos || !value) return;
    of[key.substr(0, slash)][key.substr(slash + 1)] = *std::move(value);
  }
  void OnCurrent(int) override { current = true; }
};

}  // namespace

struct WebhooksProcess::Impl {
  explicit Impl(ProcessParts p) : parts(std::move(p)) {}

  struct Running {
    std::thread thread;
    std::atomic<bool> stop{false};
  };

  void Start(const Subscription& subscription, const std::string& secret);
  void StopAll();
  void Begin();
  void Rest();
  absl::Status TakeFile();
  void Run(Running& running, const std::string& id, Delivery& delivery);
  void Remember(const std::string& subscription, const std::string& key, const std::string& value);
  void Tell();

  const ProcessParts parts;
  std::unique_ptr<KeyedLog> log;  // while it is our turn
  std::string taken;              // the file as it was taken over
  std::string refused;
  std::vector<std::unique_ptr<Running>> running;
  int64_t told_ms = 0;
  bool waits_told = false;

  mutable absl::Mutex mutex;
  std::map<std::string, Progress> progress ABSL_GUARDED_BY(mutex);
  std::map<std::string, Delivery::Figures> figures ABSL_GUARDED_BY(mutex);
  bool sends ABSL_GUARDED_BY(mutex) = false;
};

void WebhooksProcess::Impl::Remember(const std::string& subscription, const std::string& key,
                                     const std::string& value) {
  {
    absl::MutexLock lock(&mutex);
    progress[subscription][key] = value;
  }
  // Lost, it is sent once more after a restart.
  log->Put(0, absl::StrCat(subscription, "/", key), value, [](absl::Status) {});
}

void WebhooksProcess::Impl::Start(const Subscription& subscription, const std::string& secret) {
  Progress known;
  {
    absl::MutexLock lock(&mutex);
    known = progress[subscription.id];
  }
  auto& mine = *running.emplace_back(std::make_unique<Running>());
  mine.thread = std::thread([this, &mine, subscription, known, secret] {
    Delivery delivery(subscription, known,
                      {.domains = parts.domains,
                       .remember = [this, id = subscription.id](const std::string& key,
                                                                const std::string& value) { Remember(id, key, value); },
                       .post = parts.new_post(),
                       .clock = parts.clock,
                       .secret = secret});
    Run(mine, subscription.id, delivery);
  });
}

void WebhooksProcess::Impl::Run(Running& mine, const std::string& id, Delivery& delivery) {
  while (!mine.stop) {
    const int64_t began_ms = parts.clock->steady_ms();
    const bool worked = delivery.Turn(kTurnMs);
    absl::MutexLock lock(&mutex);
    figures[id] = delivery.figures();
    // A turn that had nothing to wait on, as one that is paused or waits to try again.
    const auto stopped = [&mine] { return mine.stop.load(); };
    if (!worked && parts.clock->steady_ms() - began_ms < kTurnMs / 2)
      mutex.AwaitWithTimeout(absl::Condition(&stopped), absl::Milliseconds(kTurnMs));
  }
}

void WebhooksProcess::Impl::StopAll() {
  {
    absl::MutexLock lock(&mutex);
    for (auto& one : running) one->stop = true;
  }
  for (auto& one : running) one->thread.join();
  running.clear();
}

void WebhooksProcess::Impl::Tell() {
  for (const auto& [id, now] : figures)
    Log(now.failing_since_ms ? Severity::kWarning : Severity::kInfo, "webhooks",
        {{"subscription", id},
         {"delivered", now.delivered},
         {"failed", now.failed},
         {"unknown", now.unknown},
         {"held", now.held},
         {"gone", now.gone},
         {"failing_for_s", now.failing_since_ms ? (parts.clock->wall_ms() - now.failing_since_ms) / 1000 : int64_t{0}},
         {"waits", now.next_id}});
}

WebhooksProcess::WebhooksProcess(ProcessParts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
WebhooksProcess::~WebhooksProcess() { impl_->StopAll(); }

// Another may have sent meanwhile, so how far it came is read anew. Where the turn is lost before that is known, it has
// not begun.
void WebhooksProcess::Impl::Begin() {
  log = parts.open_progress();
  Remembered remembered;
  while (!remembered.current) {
    if (!parts.our_turn()) {
      log = nullptr;
      return;
    }
    log->Poll(remembered, kPollMs);
  }
  absl::MutexLock lock(&mutex);
  progress = std::move(remembered.of);
  sends = true;
}

void WebhooksProcess::Impl::Rest() {
  if (!std::exchange(waits_told, true)) Log(Severity::kInfo, "sends nothing: it is not this process's turn");
  if (!log) return;
  StopAll();
  log = nullptr;
  taken.clear();
  refused.clear();
  absl::MutexLock lock(&mutex);
  figures.clear();
  sends = false;
}

absl::Status WebhooksProcess::Tick() {
  if (!impl_->parts.our_turn()) {
    impl_->Rest();
    return absl::OkStatus();
  }
  impl_->waits_told = false;
  if (!impl_->log) impl_->Begin();
  if (!impl_->log) return absl::OkStatus();
  const int64_t now_ms = impl_->parts.clock->steady_ms();
  if (now_ms - impl_->told_ms >= kTellEveryMs) {
    impl_->told_ms = now_ms;
    absl::MutexLock lock(&impl_->mutex);
    impl_->Tell();
  }
  return impl_->TakeFile();
}

absl::Status WebhooksProcess::Impl::TakeFile() {
  const std::string text = parts.read_file();
  if (text == taken || text == refused) return absl::OkStatus();
  auto wanted = ParseSubscriptions(text);
  std::vector<std::string> secrets;
  absl::Status fit = wanted.status();
  for (size_t i = 0; fit.ok() && i < wanted->size(); ++i) {
    const Subscription& one = (*wanted)[i];
    secrets.push_back(parts.read_secret(one.secret_file));
    if (secrets.back().size() < kLeastSecret)
      fit = absl::InvalidArgumentError(
          absl::StrCat("subscription ", one.id, ": its secret_file holds no key of at least ", kLeastSecret, " bytes"));
    for (const std::string& type : one.types)
      if (!KnowsEvent(type))
        fit = absl::InvalidArgumentError(absl::StrCat("subscription ", one.id, ": there is no event ", type));
    for (const std::string& domain : one.domains())
      if (!parts.domains.contains(domain))
        fit = absl::InvalidArgumentError(absl::StrCat("subscription ", one.id, ": there is no service ", domain));
  }
  if (!fit.ok()) {
    refused = text;
    if (taken.empty()) return fit;
    Log(Severity::kError, "the file of subscriptions is not taken", {{"why", std::string(fit.message())}});
    return absl::OkStatus();
  }
  StopAll();
  {
    absl::MutexLock lock(&mutex);
    figures.clear();
  }
  for (size_t i = 0; i < wanted->size(); ++i) Start((*wanted)[i], secrets[i]);
  taken = text;
  refused.clear();
  Log(Severity::kInfo, "subscriptions", {{"count", static_cast<int64_t>(wanted->size())}});
  return absl::OkStatus();
}

bool WebhooksProcess::sends() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->sends;
}

std::map<std::string, Delivery::Figures> WebhooksProcess::figures() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->figures;
}

}  // namespace civicmesh::webhooks
