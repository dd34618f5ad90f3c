// What happened to the points of one account, and the minutes served at activities, told to a test.
//
//   AccountStory("a1").Granted("10-08 10:00", 10).Redeemed("10-09 10:00", 4);
#pragma once

#include <memory>
#include <string>

#include "civicmesh/points/v1/points_events.pb.h"
#include "civicmesh/volunteering/v1/volunteering_events.pb.h"
#include "services/analytics/domain/tales_for_tests.h"

namespace civicmesh::analytics {

class AccountStory {
 public:
  explicit AccountStory(const std::string& name, int shard = 0) : name_("accounts/" + name), shard_(shard) {}
  template <typename E>
  AccountStory& Add(const std::string& at, int64_t points) {
    auto e = std::make_shared<E>();
    e->mutable_context()->set_account(name_);
    Set(e->mutable_context()->mutable_occurred_at(), At(at));
    e->set_points(points);
    tale.push_back({"points", shard_, At(at), e});
    return *this;
  }
  AccountStory& Granted(const std::string& at, int64_t p) { return Add<points::v1::PointsGranted>(at, p); }
  AccountStory& Redeemed(const std::string& at, int64_t p) { return Add<points::v1::RedemptionCompleted>(at, p); }
  AccountStory& Expired(const std::string& at, int64_t p) { return Add<points::v1::PointsExpired>(at, p); }
  AccountStory& Reversed(const std::string& at, int64_t p) { return Add<points::v1::PointsReversed>(at, p); }

  Tale tale;

 private:
  const std::string name_;
  const int shard_;
};

struct ActivityStory {
  ActivityStory& Confirmed(const std::string& at, const std::string& activity, const std::string& token, int minutes) {
    auto e = std::make_shared<volunteering::v1::ServiceConfirmed>();
    e->mutable_context()->set_activity("activities/" + activity);
    Set(e->mutable_context()->mutable_occurred_at(), At(at));
    e->set_volunteer_token(token);
    e->set_minutes(minutes);
    tale.push_back({"volunteering", 0, At(at), e});
    return *this;
  }
  Tale tale;
};

}  // namespace civicmesh::analytics
