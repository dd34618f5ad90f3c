// How to reach Kafka, and which domain's log is meant.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"

namespace civicmesh {

struct KafkaOptions {
  // "host:port,host:port"
  std::string brokers;
  // As "intake": names the topics and groups (base/names.h).
  std::string domain;
  // Partitions of each of the domain's topics; fixed at installation.
  int shards = 8;
  // The largest record, with its headers, that Append takes. The topics' max.message.bytes is at least this.
  int max_record_bytes = 1'000'000;
  // A session whose oldest record is not acknowledged after this is over (R15).
  absl::Duration ack_timeout = absl::Seconds(5);
  // Who reads may hear of a record so much late: the broker then answers a few of a reader's fetches a second, and not
  // one for each record. A second at most.
  absl::Duration patience = absl::ZeroDuration();
  // Handed to the client as they are: security.protocol, sasl.*, ssl.*.
  std::map<std::string, std::string> security = {};
};

}  // namespace civicmesh
