// The running program over whatever logs it is given: a thread per subscription, the file of subscriptions looked at
// again whenever it changes, progress remembered. It sends while it is its turn: of two that run by mistake one waits.
// One thread starts, ticks and ends it; what is const may be asked on any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/keyed_log.h"
#include "services/webhooks/delivery.h"

namespace civicmesh::webhooks {

struct ProcessParts {
  std::map<std::string, Journal*> domains;
  std::function<std::unique_ptr<KeyedLog>()> open_progress;  // one partition, read from its start
  std::function<bool()> our_turn;          // whether this process is the one that sends; asked at each tick
  std::function<Post()> new_post;          // one for each thread
  std::function<std::string()> read_file;  // the subscriptions as they are now; "" where there is no such file
  std::function<std::string(const std::string& path)> read_secret;  // "" where it cannot be read
  const Clock* clock = nullptr;
};

class WebhooksProcess {
 public:
  explicit WebhooksProcess(ProcessParts parts);
  // Ends the threads; blocks for as long as an attempt that is under way.
  ~WebhooksProcess();

  // To be called every second or so. Takes over a file that has changed; what it cannot take it says in the log, and
  // goes on as before. Where it is another's turn it sends nothing; blocks for as long as an attempt that is under way.
  // INVALID_ARGUMENT: the file cannot be taken, and nothing was sent by an earlier one in this turn.
  absl::Status Tick();

  bool sends() const;
  // By subscription; none while it is another's turn.
  std::map<std::string, Delivery::Figures> figures() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::webhooks
