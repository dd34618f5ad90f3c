// The rules of dispatch, one function per command: GB/T 30428.8, the hotline's rules and DOMAIN sections 1.2, 1.3 and 2
// (the comments at each rule say which). What a rule may know is the case, the command and the context;
// dispatch_shard.h has found the case, and checked who may see it, its etag and the request itself (validate.h).
//
//   opening.cc      案件产生: by staff, from a report; duplicates merge
//   registering.cc  受理, 核实, 立案, 不予立案, 案卷号
//   dispatching.cc  派遣, 退单 and its judgement
//   disposing.cc    签收, 处置, 反馈, 核查, 回访
//   extending.cc    延期, 缓办, 催办
//   merging.cc      并案 across shards (merging.h)
//   overdue.cc      what timers do: 超期, the end of a postponement, provisional deadlines
//
// Pure functions.
#pragma once

#include <optional>
#include <string>

#include "civicmesh/dispatch/v1/dispatch_journal.pb.h"
#include "services/dispatch/domain/duplicates.h"
#include "services/runtime/decider/context.h"
#include "services/runtime/decider/decision.h"
#include "services/runtime/decider/machine.h"

namespace civicmesh::dispatch {

using CaseDecision = Decision<v1::JournalEvent>;

constexpr int kMaxReports = 50;    // kept by name with a case
constexpr int kMaxSimilar = 10;    // named as a hint
constexpr int kMaxTransfers = 3;   // then 提级督办, and no return any more
constexpr int kMaxReworks = 3;     // then 提级督办
constexpr int kMaxExtensions = 2;  // granted
constexpr char kNumbersStream[] = "numbers";
constexpr char kBorderStream[] = "border";

// What a case id is looked up by: the shard's cases and its last case number.
class CaseBook {
 public:
  virtual ~CaseBook() = default;
  // Null where this shard has none.
  virtual const v1::CaseState* FindCase(std::string_view stream) const = 0;
  virtual const v1::CaseNumberTaken* last_number() const = 0;
  virtual const DuplicateIndex& duplicates() const = 0;
};

// `opening` is the whole command: it also says where the case lives, and which shards are near.
CaseDecision OpenCase(const v1::Command& opening, const CaseBook& book, const Context& ctx);
CaseDecision OpenCaseFromReport(const v1::Command& opening, const CaseBook& book, const Context& ctx);

CaseDecision Accept(const v1::CaseState& c, const Context& ctx);
CaseDecision StartVerification(const v1::CaseState& c, const Context& ctx);
CaseDecision RecordVerification(const v1::CaseState& c, const v1::RecordVerificationRequest& cmd, const Context& ctx);
CaseDecision Register(const v1::CaseState& c, const v1::RegisterCaseRequest& cmd, const CaseBook& book,
                      const Context& ctx);
CaseDecision Decline(const v1::CaseState& c, const v1::DeclineCaseRequest& cmd, const Context& ctx);

CaseDecision Dispatch(const v1::CaseState& c, const v1::DispatchCaseRequest& cmd, const Context& ctx);
CaseDecision Return(const v1::CaseState& c, const v1::ReturnCaseRequest& cmd, const Context& ctx);
CaseDecision JudgeReturn(const v1::CaseState& c, const v1::JudgeReturnRequest& cmd, const Context& ctx);

CaseDecision Sign(const v1::CaseState& c, const Context& ctx);
CaseDecision StartDisposing(const v1::CaseState& c, const Context& ctx);
CaseDecision SubmitFeedback(const v1::CaseState& c, const v1::SubmitFeedbackRequest& cmd, const Context& ctx);
CaseDecision Inspect(const v1::CaseState& c, const v1::InspectCaseRequest& cmd, const Context& ctx);
CaseDecision Revisit(const v1::CaseState& c, const v1::RevisitCaseRequest& cmd, const Context& ctx);

CaseDecision RequestExtension(const v1::CaseState& c, const v1::RequestExtensionRequest& cmd, const Context& ctx);
CaseDecision DecideExtension(const v1::CaseState& c, const v1::DecideExtensionRequest& cmd, const Context& ctx);
CaseDecision Postpone(const v1::CaseState& c, const v1::PostponeCaseRequest& cmd, const Context& ctx);
CaseDecision Urge(const v1::CaseState& c, const v1::UrgeCaseRequest& cmd, const Context& ctx);

CaseDecision OnTimer(const v1::CaseState& c, const FiredTimer& timer, const Context& ctx);

}  // namespace civicmesh::dispatch
