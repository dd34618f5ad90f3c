// How a report is answered that stands in the inbox and is not decided yet (R13).
//
// SubmitReport gives a receipt where the append was acknowledged and no outcome came; GetReport asks with it. The inbox
// is decided in order, so the receipt's offset and the one up to which hot state covers the decisions tell together
// whether it is still waiting, is a report, or was refused.
//
// Thread-safe; nothing blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/intake/v1/intake_service.pb.h"
#include "services/runtime/rpc/call.h"

namespace civicmesh {
struct OutcomesRead;
struct Received;
struct ServiceContext;
}  // namespace civicmesh

namespace civicmesh::intake {

class ReceiptKeys;

class ReceivedReports {
 public:
  // Both outlive it, and the service answers every read before.
  ReceivedReports(const ServiceContext& service, const ReceiptKeys& keys) : service_(service), keys_(keys) {}

  // The answer to a submission that landed and was not heard of. Who may ask with the receipt: whoever has the code of
  // `tracking_hash`, and the persons of these tokens.
  void Give(int shard, const Received& landed, const std::string& tracking_hash, std::vector<std::string> persons,
            v1::Report* report) const;

  // Answers RECEIVED, the refusal, or what is wrong with the receipt, or else has `read_report` answer. `id` is the
  // report's, as "r-…". While hot state is away the receipt alone says RECEIVED, but never after this process has seen
  // it decided: then it is UNAVAILABLE.
  void Ask(const std::string& receipt, const std::string& id, const ActorView& actor, const std::string& tracking_hash,
           v1::Report* report, Finish finish, std::function<void(Finish)> read_report);

 private:
  enum class Fate { kUnreadable, kWaiting, kRefused, kAccepted, kForgotten };
  Fate FateOf(const v1::Receipt& receipt, const OutcomesRead& read) ABSL_LOCKS_EXCLUDED(mutex_);

  const ServiceContext& service_;
  const ReceiptKeys& keys_;
  absl::Mutex mutex_;
  absl::flat_hash_map<int, int64_t> decided_
      ABSL_GUARDED_BY(mutex_);  // by shard: the highest inbox offset seen decided
};

}  // namespace civicmesh::intake
