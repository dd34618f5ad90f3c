// Keeps what reports and cases name, lets the rest go, and destroys the recordings of who is erased.
//
// It follows the public events of intake and dispatch. What an event names is marked as used for good (<upload>/used in
// the bucket of what is ready), with who reported it (owners/<person or report>/<upload>); after an erasure that
// person's recordings go, and what reaches it later goes at once. Pictures stay: they are the evidence of a case and
// show nothing of who took them but the place. Every step may be repeated, by any replica.
//
// One thread uses it. Turn blocks for its wait and as the object store does.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runtime/journal/group_reader.h"
#include "services/runtime/objects/object_store.h"

namespace civicmesh {
struct PublicFact;
}

namespace civicmesh::media {

class Keeper {
 public:
  // What was posted and not finished goes after a day; what no event has named, after a week: a ticket is good for two
  // days, and whatever takes it up may be behind by the rest. It goes only once all shards of all sources have been
  // read to an end that lies kNamedWithin after it, by whichever replica: after an outage what waits to be read comes
  // first.
  static constexpr absl::Duration kRawLife = absl::Hours(25), kUnusedLife = absl::Hours(7 * 24),
                                  kNamedWithin = absl::Hours(3 * 24);

  // The events of a domain that names uploads.
  struct Source {
    std::string domain;
    GroupReader* reader = nullptr;
    LogReader* ends = nullptr;  // only asked where the topics end
    int shards = 0;
  };
  // All outlive it.
  Keeper(ObjectStore* store, std::vector<Source> sources, std::function<absl::Time()> now);

  // Reads on: at most some hundred events of each source, waiting so long for the first, and notes how far it has read
  // shards that it has not held before. UNAVAILABLE: the store is away, and the events will be read again.
  absl::Status Turn(int wait_ms);

  absl::Status Sweep();

  // One event. For tests; Turn does so for each.
  absl::Status Act(const PublicFact& fact);

 private:
  absl::Status Use(const std::string& upload, const std::string& resource, const std::string& person_token,
                   absl::Time at);
  absl::Status Erase(const std::string& owner, absl::Time at);
  absl::Status LetGo(const std::string& upload);
  absl::Status EachBefore(const std::string& prefix, absl::Time before,
                          const std::function<absl::Status(const std::string& key)>& act);
  absl::Status NoteWhatWasHeard(bool again);
  // Until when all events have been read; the infinite past where some shard was never read to its end.
  absl::StatusOr<absl::Time> HeardUntil();

  ObjectStore* const store_;
  const std::vector<Source> sources_;
  const std::function<absl::Time()> now_;
  std::set<std::pair<std::string, int>> noted_;  // domain and shard, of those held here
};

}  // namespace civicmesh::media
