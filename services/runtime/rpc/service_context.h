// What a domain's handlers work with. Made by RunService; outlives every handler. All of it is thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace civicmesh {

class Attachments;
class Clock;
class CommandDoor;
class Gate;
class HotReads;
class Journal;
class KeyedLog;
class LogAppender;
class Metrics;
class PersonTokens;
class ReferenceLibrary;
struct ShardStatus;

struct ServiceContext {
  std::string domain;
  int shards = 1;
  bool driven_clock = false;
  const Clock* clock = nullptr;
  const Gate* gate = nullptr;
  CommandDoor* door = nullptr;
  HotReads* reads = nullptr;
  Metrics* metrics = nullptr;
  Journal* journal = nullptr;
  KeyedLog* keys = nullptr;  // of ServiceSpec::keyed_topic; null where there is none
  const ReferenceLibrary* references = nullptr;
  const PersonTokens* persons = nullptr;
  const Attachments* attachments = nullptr;  // takes no upload where the city has no object store
  // How the shards are, as this replica sees them.
  std::function<std::vector<ShardStatus>()> status;
};

}  // namespace civicmesh
