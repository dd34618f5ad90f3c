#include "services/intake/received.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/reports.h"
#include "services/intake/intake_views.h"
#include "services/intake/receipt.h"
#include "services/runtime/base/person_tokens.h"
#include "services/runtime/rpc/command_door.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/outcomes.h"
#include "services/runtime/rpc/service_context.h"

namespace civicmesh::intake {
namespace {

bool MayShow(const v1::Receipt& receipt, const ActorView& actor, const std::string& caller_token,
             const std::string& tracking_hash) {
  if (!tracking_hash.empty() && tracking_hash == receipt.tracking_hash()) return true;
  if (actor.subject.empty()) return false;
  const auto& persons = receipt.person_tokens();
  return IsStaff(actor) || std::find(persons.begin(), persons.end(), caller_token) != persons.end();
}

}  // namespace

void ReceivedReports::Give(int shard, const Received& landed, const std::string& tracking_hash,
                           std::vector<std::string> persons, v1::Report* report) const {
  v1::Receipt receipt;
  receipt.set_shard(shard);
  receipt.set_inbox_offset(landed.inbox_offset);
  receipt.set_command_id(landed.command_id);
  receipt.set_body_hash(landed.body_hash);
  receipt.set_tracking_hash(tracking_hash);
  for (auto& person : persons)
    if (!person.empty()) receipt.add_person_tokens(std::move(person));
  ToReceived(ReportIdOf(shard, landed.command_id), !tracking_hash.empty(), keys_.Sign(receipt), report);
}

void ReceivedReports::Ask(const std::string& text, const std::string& id, const ActorView& actor,
                          const std::string& tracking_hash, v1::Report* report, Finish finish,
                          std::function<void(Finish)> read_report) {
  const auto opened = keys_.Open(text);
  if (!opened) return finish(ErrorOf(Refuse(v1::REASON_RECEIPT_INVALID, "receipt")));
  const v1::Receipt& receipt = *opened;
  if (ReportIdOf(receipt.shard(), receipt.command_id()) != id ||
      !MayShow(receipt, actor, service_.persons->Of(actor.subject), tracking_hash))
    return finish(ErrorOf(Refuse(v1::REASON_RECEIPT_NOT_YOURS, "receipt")));
  ReadOutcomes(*service_.reads, receipt.shard(), {receipt.command_id()}, [=, this](const OutcomesRead& read) {
    switch (FateOf(receipt, read)) {
      case Fate::kUnreadable:
        return finish(RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1)));
      case Fate::kWaiting:
        ToReceived(id, !receipt.tracking_hash().empty(), text, report);
        return finish(grpc::Status::OK);
      case Fate::kRefused:
        if (read.outcomes[0]->body_hash() != receipt.body_hash()) return finish(RuntimeError("REASON_ALREADY_EXISTS"));
        return finish(StatusOf(*read.outcomes[0]));
      case Fate::kAccepted:
        return read_report(finish);
      case Fate::kForgotten:
        return read_report([finish](grpc::Status status) {
          if (status.error_code() == grpc::StatusCode::NOT_FOUND)
            status = ErrorOf(Refuse(v1::REASON_RECEIPT_EXPIRED, "receipt"));
          finish(std::move(status));
        });
    }
  });
}

ReceivedReports::Fate ReceivedReports::FateOf(const v1::Receipt& receipt, const OutcomesRead& read) {
  absl::MutexLock lock(&mutex_);
  int64_t& decided = decided_.try_emplace(receipt.shard(), -1).first->second;
  if (!read.trusted) return receipt.inbox_offset() <= decided ? Fate::kUnreadable : Fate::kWaiting;
  decided = std::max(decided, read.decided);
  if (read.outcomes[0]) {
    // A repeated command may have its outcome before its turn.
    decided = std::max(decided, receipt.inbox_offset());
    const bool mine = read.outcomes[0]->body_hash() == receipt.body_hash();
    return mine && !read.outcomes[0]->has_refused() ? Fate::kAccepted : Fate::kRefused;
  }
  return receipt.inbox_offset() <= read.decided ? Fate::kForgotten : Fate::kWaiting;
}

}  // namespace civicmesh::intake
