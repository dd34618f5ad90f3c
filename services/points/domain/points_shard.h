// One shard of points: which command is decided by which rule, which event folds into which stream, what is published.
//
// Streams: "a-…" an account, "a-….0", "a-….1", … its transactions in pages, "i-…" an item, "rd-…" a redemption (in the
// shard of its account). Whether a (rule, owner, source) was counted before is known for ever: the pages hold it, and
// an index of 8-byte fingerprints says which lookups need to read them, so a fact costs one word of memory here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "civicmesh/points/v1/points_journal.pb.h"
#include "services/runtime/decider/typed_machine.h"

namespace civicmesh::points {

class PointsShard : public TypedMachine<v1::JournalEvent, v1::Command, v1::PointsStream> {
 protected:
  Decision<v1::JournalEvent> DecideCommand(const v1::Command& command, const Context& ctx) const override;
  Decision<v1::JournalEvent> DecideTimer(const FiredTimer& timer, const Context& ctx) const override;
  absl::Status EvolveStream(v1::PointsStream& stream, const EventMeta& meta, const v1::JournalEvent& event) override;
  std::vector<std::string> RowsOf(std::string_view id, const v1::PointsStream& stream) const override;
  std::vector<PublicEvent> PublicEvents(const EventMeta& meta, const v1::JournalEvent& event) const override;
  void Loaded(std::string_view id, const v1::PointsStream& before, const v1::PointsStream& after) override;

 private:
  const v1::AccountState* Account(std::string_view stream) const;
  const v1::ItemState* Item(std::string_view stream) const;
  const v1::RedemptionState* Redemption(std::string_view stream) const;
  bool Counted(std::string_view account_stream, const v1::Earning& earning) const;
  Decision<v1::JournalEvent> Earn(const v1::Earning& earning, bool by_policy, const Context& ctx) const;
  void Remember(std::string_view page_stream, const v1::Transaction& transaction);

  absl::flat_hash_set<uint64_t> counted_;
};

}  // namespace civicmesh::points
