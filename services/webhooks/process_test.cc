// The whole program over the in-memory logs: files that change, threads, what is remembered.
#include "services/webhooks/webhooks_process.h"

#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/runtime/journal/memory_journal.h"
#include "services/runtime/journal/memory_keyed_log.h"
#include "services/runtime/rpc/locked_twins.h"

namespace civicmesh::webhooks {
namespace {

class ProcessTest : public testing::Test {
 protected:
  std::unique_ptr<WebhooksProcess> Start() {
    progress_ = std::make_unique<MemoryKeyedLog>(&topic_);
    return std::make_unique<WebhooksProcess>(
        ProcessParts{.domains = {{"dispatch", &journal_}},
                     .progress = progress_.get(),
                     .new_post = [this] { return [this](const Attempt& attempt) { return Receive(attempt); }; },
                     .read_file = [this] { return file_; },
                     .read_secret = [](const std::string& path) { return path == "/good" ? std::string(24, 's') : ""; },
                     .clock = Clock::Real()});
  }
  int Receive(const Attempt& attempt) {
    absl::MutexLock lock(&mutex_);
    received_.push_back(attempt.id);
    return 200;
  }
  void Happens(int number) {
    dispatch::v1::CaseClosed closed;
    EXPECT_TRUE(journal_.NewAppender()
                    ->Append({Topic::kEvents, 0}, closed.SerializeAsString(),
                             {{"ce_id", absl::StrCat("dispatch/0/", number, "/0")},
                              {"ce_type", "civicmesh.dispatch.v1.CaseClosed"}})
                    .ok());
  }
  std::vector<std::string> Received() {
    absl::MutexLock lock(&mutex_);
    return received_;
  }
  // The bound is only for a test that fails.
  static void Until(const std::function<bool()>& holds) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (!holds() && absl::Now() < until) std::this_thread::yield();
    EXPECT_TRUE(holds());
  }
  static std::string One(const std::string& more = "", const std::string& secret = "/good") {
    return absl::StrCat(R"({"subscriptions": [{"id": "a", "url": "https://a.test", "secret_file": ")", secret,
                        R"(", "events": ["civicmesh.dispatch.v1.CaseClosed"])", more, "}]}");
  }
  bool Follows(WebhooksProcess& process) {
    return topic_.AllBytes().find("a/dispatch/0") != std::string::npos && process.figures().count("a") > 0;
  }

  MemoryLog log_{1, [] { return Clock::Real()->wall_ms(); }};
  LockedJournal journal_{&log_};
  MemoryKeyedTopic topic_{1};
  std::unique_ptr<MemoryKeyedLog> progress_;
  std::string file_ = One();
  absl::Mutex mutex_;
  std::vector<std::string> received_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ProcessTest, SendsGoesOnAfterARestartAndTakesAChangedFile) {
  auto process = Start();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Follows(*process); });
  Happens(1);
  Until([&] { return Received().size() == 1; });
  process.reset();
  Happens(2);
  process = Start();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Received().size() == 2; });

  file_ = One(R"(, "paused": true)");
  ASSERT_TRUE(process->Tick().ok());
  Happens(3);
  file_ = One();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Received().size() == 3; });
  EXPECT_EQ(Received(), (std::vector<std::string>{"dispatch/0/1/0", "dispatch/0/2/0", "dispatch/0/3/0"}));
}

TEST_F(ProcessTest, AFileThatCannotBeTakenStopsTheStartAndLaterChangesNothing) {
  file_ = "{";
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument);
  file_ = One("", "/bad");
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument);
  file_ = R"({"subscriptions": [{"id": "a", "url": "https://a.test", "secret_file": "/good",
             "events": ["civicmesh.intake.v1.ReportSubmitted"]}]})";
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument) << "no such log is given";
  file_ = R"({"subscriptions": [{"id": "a", "url": "https://a.test", "secret_file": "/good",
             "events": ["civicmesh.dispatch.v1.CaseTeleported"]}]})";
  EXPECT_EQ(Start()->Tick().code(), absl::StatusCode::kInvalidArgument);

  file_ = One();
  auto process = Start();
  ASSERT_TRUE(process->Tick().ok());
  Until([&] { return Follows(*process); });
  file_ = "{";
  EXPECT_TRUE(process->Tick().ok());
  Happens(1);
  Until([&] { return Received().size() == 1; });
}

}  // namespace
}  // namespace civicmesh::webhooks
