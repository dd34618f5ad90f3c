#include "services/runtime/rpc/outcomes.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/hot_reads.h"

namespace civicmesh {
namespace {

OutcomesRead Take(size_t asked, const absl::StatusOr<HotRead>& read) {
  OutcomesRead taken;
  int64_t covered = 0;
  log::v1::HotPoint point;
  if (!read.ok() || !read->verified || !absl::SimpleAtoi(read->point.token, &covered) ||
      !point.ParseFromString(read->point.blob))
    return taken;
  taken.trusted = true;
  taken.decided = point.has_inbox() ? point.inbox().offset() : -1;
  taken.outcomes.resize(asked);
  for (size_t i = 0; i < asked && i < read->values.size(); ++i) {
    log::v1::OutcomeValue outcome;
    // A fold that broke off midway leaves values that @offset does not cover yet.
    if (read->values[i] && outcome.ParseFromString(*read->values[i]) && outcome.offset() < covered)
      taken.outcomes[i] = std::move(outcome);
  }
  return taken;
}

}  // namespace

void ReadOutcomes(HotReads& reads, int shard, std::vector<std::string> command_ids,
                  std::function<void(OutcomesRead)> done) {
  const size_t asked = command_ids.size();
  reads.Read(shard, HotTable::kOutcomes, std::move(command_ids),
             [asked, done = std::move(done)](const absl::StatusOr<HotRead>& read) { done(Take(asked, read)); });
}

grpc::Status StatusOf(const log::v1::OutcomeValue& outcome) {
  if (!outcome.has_refused()) return grpc::Status::OK;
  const log::v1::Refused& refused = outcome.refused();
  return ErrorOf(Refusal{.reason = refused.reason(),
                         .domain = refused.domain(),
                         .code = refused.code(),
                         .field = refused.field(),
                         .detail = refused.detail()});
}

}  // namespace civicmesh
