// How the simulated staff behave: how long each step takes, how often something goes another way. Every number that a
// replay lives by is here, and Describe prints them all. They are invented; what the mesh makes of them is not.
//
// Immutable, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "services/civicctl/replay/dice.h"

namespace civicmesh::civicctl {

// After what came before, in minutes around the clock; `slow_in_100` of a hundred take the longer span.
struct Span {
  const char* what;
  int least, most;
  int slow_in_100, slow_least, slow_most;
};

inline constexpr Span kLocate{"定位 staff find the place", 5, 30, 5, 31, 90};
inline constexpr Span kReview{"告警复核 a reviewer looks at a camera's alert", 1, 8, 5, 9, 30};
inline constexpr Span kAccept{"受理 a registrar takes the case up", 1, 4, 2, 16, 30};
inline constexpr Span kRegister{"立案 the registrar registers or declines it", 1, 5, 2, 10, 20};
inline constexpr Span kVerify{"核实 a collector looks before registration", 8, 25, 3, 31, 50};
inline constexpr Span kDispatch{"派遣 a dispatcher dispatches it", 1, 6, 2, 16, 30};
inline constexpr Span kSign{"签收 the unit signs", 5, 40, 20, 41, 200};
inline constexpr Span kSignUrgent{"签收 where the limit is urgent (紧急)", 5, 25, 5, 26, 60};
inline constexpr Span kReturn{"退单 the unit gives it back, after signing", 5, 20, 0, 0, 0};
inline constexpr Span kJudge{"退单裁定 the dispatcher judges the return", 3, 12, 0, 0, 0};
inline constexpr Span kStart{"处置 the unit starts, after signing", 5, 30, 0, 0, 0};
inline constexpr Span kStartUrgent{"处置 where the limit is urgent (紧急)", 2, 10, 0, 0, 0};
inline constexpr Span kInspect{"核查 a collector inspects, after the feedback", 5, 25, 3, 31, 60};
inline constexpr Span kRework{"返工 the unit handles it again", 30, 150, 0, 0, 0};
inline constexpr Span kConfirm{"服务时长确认 the organiser confirms, after the end", 61, 600, 0, 0, 0};

// Of a hundred.
inline constexpr int kVerifiedIn100 = 15;            // of citizens' reports without a photo
inline constexpr int kNotThereIn100 = 8;             // of those verified
inline constexpr int kReturnedIn100 = 5;             // of cases dispatched
inline constexpr int kWrongfulIn100 = 60;            // of returns
inline constexpr int kLateIn100 = 2;                 // of feedbacks
inline constexpr int kReworkedIn100[] = {6, 15, 0};  // of the first, second, third inspection
inline constexpr int kReachedIn100 = 80;             // of citizens who are called after closing
inline constexpr int kRedeemIn100 = 60;              // of citizens who earned
// Of an item of which at most so many are left, so many more citizens want one than there are.
inline constexpr int kScarce = 5, kTooMany = 3;

class Rules {
 public:
  explicit Rules(Dice dice) : dice_(std::move(dice)) {}

  absl::Duration After(const Span& span, std::string_view id, int round = 0) const;
  bool Happens(const char* what, int in_100, std::string_view id, int round = 0) const;
  // Which of so many the clerk takes, as a condition of a class.
  int Choose(const char* what, std::string_view id, size_t count) const;

  // What part of the limit a unit uses: more than 1 is late.
  double ShareOfLimit(std::string_view id) const;
  // The revisit's time: one to four days after closing, between 9 and 17 o'clock.
  absl::Time RevisitAt(absl::Time closed, std::string_view id) const;
  dispatch::v1::Rating RatingOf(std::string_view id, bool late, bool reworked) const;

  static std::vector<std::string> Describe();

 private:
  const Dice dice_;
};

}  // namespace civicmesh::civicctl
