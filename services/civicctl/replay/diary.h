// The diary of a replay: which calls it made and what they were answered, in a file, so that a replay which was broken
// off can be gone on with. It runs again from its beginning with the answers of the diary, which brings it where it
// was, and makes only the calls that are not in it. A call that was made and not answered is made again under the same
// request_id.
//
//   auto diary = Diary::Open("replay.diary", {{"input", digest}}, now);
//
// One thread. A line is with the system before anybody hears of what it says, so it outlives the process, like the log
// of one broker not a power cut. Errors of writing are told by Sound().
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "services/civicctl/replay/dice.h"

namespace civicmesh::civicctl {

class Diary {
 public:
  // What a replay is made of, by name, without blanks: a diary is of use only to the same replay again.
  using MadeOf = std::vector<std::pair<std::string, std::string>>;
  struct Answer {
    grpc::Status status;
    std::string bytes;
  };

  // Reads what is there and goes on behind it; an empty path keeps nothing. `now` is when this run begins.
  // FAILED_PRECONDITION: it is of another replay, the message names what differs. INVALID_ARGUMENT: it is no diary, or
  // cannot be written.
  static absl::StatusOr<std::unique_ptr<Diary>> Open(const std::string& path, const MadeOf& made_of, absl::Time now);

  // It holds an earlier run.
  bool goes_on() const { return runs_ > 1; }
  // Known from earlier runs.
  int64_t answers() const { return static_cast<int64_t>(answers_.size()); }
  // When the earliest of the calls of earlier runs was made of which no answer is known; InfiniteFuture where there is
  // none.
  absl::Time unanswered_since() const;

  // The id under which the action of that name calls: as in the run that called first. What it creates lies in the same
  // of so many shards whichever run calls, for time has moved on in each shard by what was to come there.
  std::string RequestId(const Dice& dice, std::string_view action, int shards) const;

  // What an earlier run was answered; null where that is not known. A key is a request_id, or a name of one's own.
  const Answer* Find(const std::string& key) const;
  // By an earlier run.
  bool finished(const std::string& action) const { return finished_.count(action) > 0; }

  void Asked(const std::string& request_id);
  void Answered(const std::string& key, const grpc::Status& status, const std::string& bytes);
  // All that follows from the action has been seen.
  void Finished(const std::string& action);

  absl::Status Sound() const;

 private:
  Diary() = default;
  absl::Status Read(std::string_view text, const MadeOf& made_of);
  bool Take(const std::vector<std::string>& words);
  void Begin(absl::Time run);
  void Write(std::vector<std::string> words);

  std::string path_;
  std::ofstream file_;
  int runs_ = 0;
  // Ids are made with the time of the first run, and anew when that is so long ago that they might be refused.
  std::vector<absl::Time> issued_;
  std::set<std::string> asked_, finished_;
  std::map<std::string, Answer> answers_;
};

}  // namespace civicmesh::civicctl
