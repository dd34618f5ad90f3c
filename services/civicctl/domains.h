// The domains that civicctl knows: their messages, topics, machines and reference data. One line each in domains.cc,
// for every service of services/services.txt that has an inbox (a test compares).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "services/runtime/decider/machine.h"
#include "services/runtime/journal/kafka_topics.h"
#include "services/runtime/shard/reference_library.h"

namespace google::protobuf {
class Descriptor;
class FileDescriptor;
}  // namespace google::protobuf

namespace civicmesh::civicctl {

struct Domain {
  std::string name;
  // <d>_events.proto, which names the topics.
  const google::protobuf::FileDescriptor* events = nullptr;
  // What inbox commands, journal events and streams hold.
  const google::protobuf::Descriptor* command = nullptr;
  const google::protobuf::Descriptor* journal_event = nullptr;
  const google::protobuf::Descriptor* stream = nullptr;
  MachineFactory machines;
  int fold_version = 1;  // as its service's
  // The domains whose public events its policies read.
  std::set<std::string> follows = {};
  // The kinds of reference data that its decisions read, and what it makes of them.
  std::map<std::string, ReferenceLibrary::Parser> references;
};

const std::vector<Domain>& Domains();

// The topics that the domain's proto names.
std::vector<std::string> TopicNames(const Domain& domain);

// Every topic of the mesh: those that the protos of the domains name (civicmesh.options.v1.topics), and the reference
// topic.
std::vector<TopicSpec> AllTopics(int shards);

}  // namespace civicmesh::civicctl
