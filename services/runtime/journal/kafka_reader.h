// The reader of KafkaJournal. Private to it.
#pragma once

#include <memory>

#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/kafka_client.h"

namespace civicmesh {

std::unique_ptr<LogReader> NewKafkaReader(const KafkaOptions& options, KafkaReaper* reaper);

}  // namespace civicmesh
