// How this process proves to Kafka who it is: a file of librdkafka's settings, one user's.
//
//   security.protocol=SASL_SSL          # SASL_PLAINTEXT only where nobody else is on the wire
//   sasl.mechanism=PLAIN
//   sasl.username=intake
//   sasl.password=…
//   ssl.ca.location=/etc/civicmesh/kafka-ca.pem
//
// The same file serves kcat (-F FILE). SCRAM does not work: librdkafka before 2.6.1 sends a wrong nonce, and brokers
// since 3.8.1 look at it.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace civicmesh {

// For KafkaOptions::security. INVALID_ARGUMENT, naming the file: it cannot be read, or sets something else than
// security.protocol, sasl.*, ssl.* and enable.ssl.certificate.verification.
absl::StatusOr<std::map<std::string, std::string>> ReadKafkaSecurity(const std::string& path);

}  // namespace civicmesh
