#include "services/runtime/journal/kafka_journal.h"

#include <utility>

#include "services/runtime/journal/kafka_appender.h"
#include "services/runtime/journal/kafka_client.h"
#include "services/runtime/journal/kafka_reader.h"

namespace civicmesh {

KafkaJournal::KafkaJournal(KafkaOptions options)
    : options_(std::move(options)), reaper_(std::make_unique<KafkaReaper>(absl::Seconds(5))) {}

KafkaJournal::~KafkaJournal() = default;

std::unique_ptr<LogAppender> KafkaJournal::NewAppender() {
  return NewKafkaAppender(options_, absl::InfiniteDuration(), reaper_.get());
}

std::unique_ptr<LogAppender> KafkaJournal::NewHandlerAppender(absl::Duration timeout) {
  return NewKafkaAppender(options_, timeout, reaper_.get());
}

std::unique_ptr<LogReader> KafkaJournal::NewReader() { return NewKafkaReader(options_, reaper_.get()); }

}  // namespace civicmesh
