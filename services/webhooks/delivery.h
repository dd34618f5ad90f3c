// One subscription at work: reads the public events that it names, from where it stopped, and hands them over one after
// the other. What is not taken is tried again, further and further apart, and nothing overtakes it: an agency hears the
// events of a case in their order, each at least once, and knows a repetition by its id. An event that says until when
// nobody is to be disturbed with it (push_not_before) is held until then, and what stands behind it in its shard too.
//
//   Delivery delivery(subscription, {.domains = …, .progress = &log, .post = …, .clock = &clock});
//   while (!stop) delivery.Turn(200);
//
// One thread. Turn blocks for as long as reading and one attempt take.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "services/runtime/base/clock.h"
#include "services/runtime/journal/journal.h"
#include "services/runtime/journal/keyed_log.h"
#include "services/webhooks/subscriptions.h"

namespace civicmesh::webhooks {

// One attempt: the HTTP status, 0 where nothing was heard. Blocks.
struct Attempt {
  std::string url, id, body;
  int64_t seconds = 0;  // since 1970, when it was made
  std::string signature;
};
using Post = std::function<int(const Attempt& attempt)>;

// How far a subscription has come, as the topic of progress says: by "<domain>/<shard>" the next offset, and under
// "replay" the name of the last one that was carried out. Values that a later reading brings replace earlier ones.
using Progress = std::map<std::string, std::string>;

struct DeliveryParts {
  std::map<std::string, Journal*> domains;  // at least those of the subscription
  // Remembers one entry of the progress. Called after the event before it was taken.
  std::function<void(const std::string& key, const std::string& value)> remember;
  Post post;
  const Clock* clock = nullptr;
  std::string secret;
};

class Delivery {
 public:
  // Waits between attempts: the first and the longest; doubled in between.
  static constexpr int64_t kFirstWaitMs = 1000, kLongestWaitMs = 15 * 60 * 1000;

  Delivery(Subscription subscription, Progress progress, DeliveryParts parts);
  ~Delivery();

  // Reads for up to `wait_ms` and delivers what is due. Whether something was taken.
  bool Turn(int wait_ms);

  struct Figures {
    int64_t delivered = 0, failed = 0, unknown = 0;  // attempts; `unknown`: events that this release cannot read
    int64_t failing_since_ms = 0;                    // wall clock; 0: the last attempt was taken
    int64_t held = 0;                                // shards whose next event waits for its push_not_before
    bool gone = false;    // the receiver said 410: nothing is sent until it is subscribed anew
    bool paused = false;  // by the file
    std::string next_id;  // of the event that waits
    // When the broker took the oldest event that was read and waits for its attempt, wall clock; 0: none does. Held
    // ones are not meant.
    int64_t waiting_since_ms = 0;
  };
  const Figures& figures() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace civicmesh::webhooks
