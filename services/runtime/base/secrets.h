// Secrets and logins that an operator gives a process: by environment, or in files that only its user may read. Never
// on a command line, which everybody on the machine can see.
//
//   auto key = SecretFromEnvironment("CIVICMESH_PERSON_KEY");  // or what stands in the file CIVICMESH_PERSON_KEY_FILE
//   auto login = ReadSettings("/run/secrets/kafka.conf");      // {"sasl.username", "intake"}, …
//
// Both read at the call; nothing is kept. Thread-safe, as far as nobody changes the environment meanwhile.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace civicmesh {

// The variable's value, or without line ends after it what stands in the file that NAME_FILE names; "" where neither is
// set. INVALID_ARGUMENT: both are set, or the file cannot be read or is empty; says which variable.
absl::StatusOr<std::string> SecretFromEnvironment(const std::string& name);

// A file of lines `name=value`, as librdkafka's tools and Java's properties have them; blank lines and such that begin
// with # are passed over. INVALID_ARGUMENT, naming the file and the line: it cannot be read, a line is no setting, a
// name stands twice. No message holds a value.
absl::StatusOr<std::map<std::string, std::string>> ReadSettings(const std::string& path);

}  // namespace civicmesh
