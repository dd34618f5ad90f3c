// The log of one domain in Kafka (DESIGN sections 2 and 3, rules R3, R4, R15).
//
//   KafkaJournal journal({.brokers = "127.0.0.1:9092", .domain = "intake", .shards = 8});
//   RETURN_IF_ERROR(CheckTopics(options));           // kafka_topics.h, once at start-up
//   auto session = journal.NewAppender();            // for journal, events and policies
//   auto inbox = journal.NewHandlerAppender(absl::Seconds(2));
//   auto reader = journal.NewReader();
//
// Thread-safe. What it makes must not outlive it. Nothing connects before it must, and nothing fails for a broker that
// is away: sessions end, readers report trouble. The destructor waits at most five seconds for the handles to go.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_options.h"

namespace civicmesh {

class KafkaReaper;

class KafkaJournal : public Journal {
 public:
  explicit KafkaJournal(KafkaOptions options);
  ~KafkaJournal() override;

  // A session for journals, events and policies. It ends (Health UNAVAILABLE) with the first record that fails, with a
  // lost connection to a broker, and when a record is not acknowledged within `ack_timeout`; whatever is still queued
  // is then withdrawn, never sent again. `done` runs on a thread of the session, must not block, and may destroy the
  // session. Destroying it calls what is left of them with UNAVAILABLE, and none is called after that.
  std::unique_ptr<LogAppender> NewAppender() override;

  // A session for handlers (R15): each record fails alone, with UNAVAILABLE = unknown, when it is not acknowledged
  // within `timeout`, and the session survives brokers that go and come. Records need not keep their order around a
  // failed one.
  std::unique_ptr<LogAppender> NewHandlerAppender(absl::Duration timeout);

  // Start and Stop take a fraction of a millisecond. A record that is not the next one is a hole in the log, which
  // deciding topics never have: OnTrouble(DATA_LOSS). A broker that goes is OnTrouble(UNAVAILABLE) for all that was
  // started. GetBounds blocks at most 3 seconds, ReadAt at most 8. A Wake counts for the Poll that waits or the next
  // one.
  std::unique_ptr<LogReader> NewReader() override;

  int shards() const override { return options_.shards; }

 private:
  const KafkaOptions options_;
  std::unique_ptr<KafkaReaper> reaper_;
};

}  // namespace civicmesh
