// A case, from its opening to the citizen's verdict: who of the staff does what, when.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "civicmesh/dispatch/v1/dispatch_service.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "services/civicctl/replay/world.h"

namespace civicmesh::civicctl {

class CaseStory {
 public:
  // `home` is the shard in which it lives.
  CaseStory(World& world, std::string name, ReportStory* first, Shard home);

  // It was opened at `at`.
  void Begin(absl::Time at);
  // A further report was merged into it. The rule by which its reporter earned at once, "" where nothing is earned now.
  std::string Join(ReportStory* report);

  const std::string& name() const { return name_; }
  // What the input calls the report that opened it.
  const std::string& first_source_id() const { return id(); }
  // How much was done about it.
  int steps() const { return steps_; }

 private:
  struct Step {
    const char* what;
    absl::Time at;
    Caller caller;
    // What every reporter hears of it.
    intake::v1::NoticeKind tells = intake::v1::NOTICE_KIND_UNSPECIFIED;
    bool earns = false;
  };
  struct Earner {
    const ReportStory* report;
    std::string rule;
  };

  // Calls at the step's time; what follows (`then`) finds the case's answer in case_ and the time in at_.
  template <typename Request>
  void Do(Step step, Request request, void (CaseStory::*then)());
  void Answered(const Step& step, const Schedule::Id& action);

  void Decide();
  void Decline(dispatch::v1::DeclineGround ground, const std::string& note, const std::string& referral);
  void Verify();
  void Verified();
  void Register();
  void Dispatch();
  void Sign();
  void Signed();
  void Return(const reference::v1::DutyEntry& duty);
  void JudgeReturn();
  void AfterJudgement();
  void Start();
  void Feedback();
  void Inspect();
  void Inspected();
  void Revisit();
  void End();

  std::string ChooseClass() const;
  absl::Time FeedbackAt() const;
  const dispatch::v1::Clock* DisposalClock() const;
  bool Urgent() const;
  std::vector<Earner> Earners() const;
  std::string RuleFor(size_t report) const;
  Shards Touched(const Step& step) const;
  Shards Footprint() const;
  const std::string& id() const;

  World& world_;
  const std::string name_;
  std::vector<ReportStory*> reports_;  // the first one first
  const Shard home_;
  dispatch::v1::Case case_;
  absl::Time at_;
  int steps_ = 0;
  bool verified_ = false;
  bool registered_ = false;
  int returns_ = 0;
  std::string cited_unit_;  // by a return that was found justified
  std::string verifier_;
  int inspections_ = 0;
};

}  // namespace civicmesh::civicctl
