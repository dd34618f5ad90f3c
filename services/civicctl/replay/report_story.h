// A report, or a camera's alert, from its submission to its case.
#pragma once

#include <functional>
#include <string>

#include "civicmesh/intake/v1/intake_service.pb.h"
#include "services/civicctl/replay/world.h"

namespace civicmesh::civicctl {

class ReportStory {
 public:
  // `input` outlives the story.
  ReportStory(World& world, const InputReport& input);

  // Puts its first action into the queue.
  void Begin();

  const InputReport& input() const { return input_; }
  const std::string& name() const { return name_; }
  Shard shard() const { return intake_; }
  // Whether its reporter has an account that may earn by it.
  bool earns() const;
  Shard account() const { return world_.AccountShard(input_.reporter); }
  // The runner-up of the proposal, for a clerk who has to choose.
  const std::string& second_class() const { return second_class_; }

  // Waits until the reporter can read that notice; at once where `action` was finished before.
  void AwaitNotice(const Schedule::Id& action, intake::v1::NoticeKind kind, std::function<void()> done) const;
  // Waits until the account has heard what the case `earned_by` earned by that rule, and the reporter can read it.
  void AwaitPoints(const Schedule::Id& action, const std::string& earned_by, const std::string& rule,
                   std::function<void()> done) const;

 private:
  Shards Touched(bool opens_case) const;
  // Sends what of the text did not fit; then the report is complete.
  void AddRest(size_t next, const Caller& sender, const std::string& tracking_code, const Schedule::Id& action);
  void Complete(const Schedule::Id& action);
  void Locate(absl::Time at);
  void Raise();
  void Review(absl::Time at, const std::string& alert);
  void Named(const std::string& report);
  // The report is on its way to a case: waits for it.
  void Follow(absl::Time at, const Schedule::Id& action);
  // Near a border it may still be merged into a case in another shard: waits until that is settled.
  void Settle(absl::Time at, const std::string& opened, const Schedule::Id& action);
  void Settled(absl::Time at, const Schedule::Id& action, const std::string& to, bool opened);
  void Led(absl::Time at, const Schedule::Id& action, const std::string& to, bool opened);
  void Merged(const Schedule::Id& action);
  void Judge(const intake::v1::Report& report);
  Caller Sender(intake::v1::SubmitReportRequest& request) const;

  World& world_;
  const InputReport& input_;
  std::string first_action_;
  Shard intake_, home_;
  Shards near_;
  std::string name_;
  std::string second_class_;
  CaseStory* case_ = nullptr;
};

}  // namespace civicmesh::civicctl
