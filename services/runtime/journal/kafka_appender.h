// The producer sessions of KafkaJournal. Private to it.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {

// `handler_timeout`: absl::InfiniteDuration() for a session that ends as a whole, else how long each record may take.
std::unique_ptr<LogAppender> NewKafkaAppender(const KafkaOptions& options, absl::Duration handler_timeout,
                                              KafkaReaper* reaper);

}  // namespace civicmesh
