// The public events of effective records, in order, with the id and the hash of their record (R14), and parked bytes
// (I8).
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/runtime/shard/shard_owner.h"

namespace civicmesh {

void ShardOwner::QueueFacts(int64_t offset, const log::v1::Record& record, const std::string& hash) {
  if (offset < publish_from_) return;
  const std::string record_hash = absl::BytesToHexString(hash);
  if (record.has_parked()) {
    facts_.push_back({offset,
                      record.parked().original(),
                      {{"civicmesh-error", record.parked().error()},
                       {"civicmesh-journal-offset", absl::StrCat(offset)},
                       {"civicmesh-method", record.method()}},
                      Topic::kParked});
    return;
  }
  int index = 0;
  for (const auto& change : record.accepted().streams()) {
    uint64_t version = change.first_version();
    for (const auto& event : change.events()) {
      EventMeta meta{.stream = change.stream(), .version = version++, .now_ms = record.now_ms()};
      auto published = memory_->machine().Publish(meta, event);
      if (!published.ok()) return Lost(published.status());
      for (auto& fact : *published) {
        Headers headers{{"ce_specversion", "1.0"},
                        {"ce_id", absl::StrCat(options_.domain, "/", shard_, "/", offset, "/", index++)},
                        {"ce_source", absl::StrCat("civicmesh/", options_.domain, "/", shard_)},
                        {"ce_type", fact.type},
                        {"ce_subject", fact.subject},
                        {"ce_time", absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(record.now_ms()),
                                                     absl::UTCTimeZone())},
                        {"ce_recordhash", record_hash},
                        {"content-type", "application/protobuf"}};
        if (!record.traceparent().empty()) headers.emplace_back("traceparent", record.traceparent());
        facts_.push_back({offset, std::move(fact.bytes), std::move(headers), Topic::kEvents});
      }
    }
  }
}

bool ShardOwner::Publish(int max) {
  if (phase_ != Phase::kServing || repair_ || Unverifying()) return false;
  bool any = false;
  while (max-- > 0 && !facts_.empty() && (facts_.front().offset < folded_ || !rules_.cover)) {
    // The next owner resumes behind the last event, so none may overtake what is parked: that waits until it has
    // landed.
    if (parking_ && !*parking_) return any;
    Fact& fact = facts_.front();
    LogAppender::Done done;
    if (fact.topic == Topic::kParked) {
      parking_ = std::make_shared<std::atomic<bool>>(false);
      done = [parking = parking_](absl::StatusOr<int64_t> at) { *parking = at.ok(); };
    }
    absl::Status appended = appender_->Append({fact.topic, shard_}, fact.value, fact.headers, std::move(done));
    if (absl::IsResourceExhausted(appended)) {
      if (fact.topic == Topic::kParked) parking_.reset();
      return any;
    }
    if (absl::IsInvalidArgument(appended) && fact.topic == Topic::kParked) {
      // Its headers made it too large: the journal has the bytes, and a poison record must not block the shard (I8).
      parking_.reset();
      facts_.pop_front();
      continue;
    }
    if (!appended.ok()) {
      End("the session with the log is over", 200);
      return true;
    }
    facts_.pop_front();
    any = true;
  }
  return any;
}

}  // namespace civicmesh
