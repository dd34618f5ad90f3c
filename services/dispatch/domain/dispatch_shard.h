// One shard of dispatch in memory: its cases, its case numbers, and which open cases may be the same thing.
//
// Finds the case of a command, checks who may see it, its etag and the request, and asks the rules (rules.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "services/dispatch/domain/duplicates.h"
#include "services/dispatch/domain/rules.h"
#include "services/runtime/decider/typed_machine.h"

namespace civicmesh::dispatch {

// What a case is to somebody's rights: of the units that hold or have held it, and in its grid. Whoever does not reach
// it is answered as if there were none.
Object ObjectOf(const v1::Case& c);

class DispatchShard : public TypedMachine<v1::JournalEvent, v1::Command, v1::DispatchStream>, public CaseBook {
 public:
  const v1::CaseState* FindCase(std::string_view stream) const override;
  const v1::CaseNumberTaken* last_number() const override;
  const DuplicateIndex& duplicates() const override { return duplicates_; }

 protected:
  CaseDecision DecideCommand(const v1::Command& command, const Context& ctx) const override;
  CaseDecision DecideTimer(const FiredTimer& timer, const Context& ctx) const override;
  absl::Status EvolveStream(v1::DispatchStream& stream, const EventMeta& meta, const v1::JournalEvent& event) override;
  // "all", "status", "unit" and "grid", by the time of opening.
  std::vector<std::string> RowsOf(std::string_view id, const v1::DispatchStream& stream) const override;
  std::vector<PublicEvent> PublicEvents(const EventMeta& meta, const v1::JournalEvent& event) const override;
  void Loaded(std::string_view id, const v1::DispatchStream& before, const v1::DispatchStream& after) override;
  // Closed or declined: at most a revisit comes.
  bool Settled(const v1::DispatchStream& stream) const override;

 private:
  template <typename Request, typename Rule>
  CaseDecision OnCase(const Request& request, const Context& ctx, Rule rule) const;
  template <typename Rule>
  CaseDecision OnAnyCase(const std::string& name, Rule rule) const;
  template <typename Request, typename Rule>
  CaseDecision OnOwnCase(const Request& request, const Context& ctx, Rule rule) const;

  DuplicateIndex duplicates_;
};

}  // namespace civicmesh::dispatch
