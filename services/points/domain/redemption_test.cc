// The account's side of a redemption. The account has 10 points of 2026-11-17 and 30 of 2026-11-18 (lots 1 and 2);
// "$1" and "$2" are the account, "$3" is the redemption.
#include "services/points/domain/redemption.h"

#include <vector>

#include "services/points/domain/points_for_tests.h"
#include "services/runtime/decider/posts_for_tests.h"

namespace civicmesh::points {
namespace {

using namespace gwt;

const ActorView kOwner{.subject = "li.wen", .posts = Posts({"CITIZEN"})};
const ActorView kPolicy{.subject = "policy:settle_redemption", .posts = {}};

Step Earned(const std::string& rule, const std::string& source, std::string_view at) {
  return Did(absl::StrCat("grant_by_policy {account: 'accounts/a-1' owner_token: 'p-1' rule: '", rule, "' source: '",
                          source, "' occurred_at {", Seconds(at), "}}"),
             at, kPolicy);
}

Steps FortyPoints() {
  return Given(Earned("report_registered", "cases/c-1", "2026-11-17 10:00"),
               Earned("report_registered_hazard", "cases/c-2", "2026-11-18 10:00"));
}

Step Redeem(int quantity, int price, std::string_view at) {
  return Did(
      absl::StrCat("redeem_item {account: 'accounts/a-1' owner_token: 'p-1' request {item: 'items/i-1' quantity: ",
                   quantity, " price_points: ", price, "}}"),
      at, kOwner);
}

Step Settled(const std::string& how, std::string_view at) {
  return Did(absl::StrCat("settle_redemption {redemption: 'redemptions/$3' ", how, "}"), at, kPolicy);
}

Step False(const std::string& source, std::string_view at) { return Earned("false_report", source, at); }

std::string Entry(const std::string& text) { return absl::StrCat("transaction_recorded {", text, "}"); }

// What every event of this redemption says.
std::string About(const std::string& context) {
  return absl::StrCat(
      "redemption: 'redemptions/$3' item: 'items/i-1' quantity: 1 points: 25 context {account: "
      "'accounts/a-1' owner_token: 'p-1' ",
      context, "}");
}

const std::string kBack = "postings {ledger: LEDGER_HELD points: -25} postings {ledger: LEDGER_AVAILABLE points: 25}";

const std::vector<gwt::Row>& Rows() {
  static const auto& rows = *new std::vector<gwt::Row>{
      {"a redemption holds the points of the oldest lots, for ten minutes", FortyPoints(), Redeem(1, 25, "12:00"),
       Then(absl::StrCat("redemption_started {", About("available: 15 held: 25 actor: 'p-1'"),
                         " postings {ledger: LEDGER_AVAILABLE points: -25} postings {ledger: LEDGER_HELD points: 25} "
                         "hold_expires_at {",
                         Seconds("12:10"), "}} lots {number: 1 points: 10} lots {number: 2 points: 15}"),
            Entry("number: 3 kind: TRANSACTION_KIND_HELD points: 25 available: 15 source: 'redemptions/$3'"),
            "redemption_changed {owner_token: 'p-1' redemption {name: 'redemptions/$3' account: 'accounts/a-1' item: "
            "'items/i-1' quantity: 1 points: 25 status: REDEMPTION_STATUS_HELD} lots {number: 1 points: 10} lots "
            "{number: 2 points: 15}}")},
      {"all there is can be held", FortyPoints(), Redeem(2, 20, "12:00"),
       Then("redemption_started {points: 40 quantity: 2 context {available: 0 held: 40}}", Entry(""),
            "redemption_changed {}")},
      {"one point too many", FortyPoints(), Redeem(1, 41, "12:00"), Refused(v1::REASON_INSUFFICIENT_POINTS)},
      {"what is held cannot be held again", Given(FortyPoints(), Redeem(1, 25, "12:00")), Redeem(1, 25, "12:01"),
       Refused(v1::REASON_INSUFFICIENT_POINTS)},
      {"who never earned has nothing to redeem", Given(), Redeem(1, 1, "12:00"),
       Refused(v1::REASON_INSUFFICIENT_POINTS)},
      {"none", FortyPoints(), Redeem(0, 25, "12:00"), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"eleven", FortyPoints(), Redeem(11, 1, "12:00"), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"for nothing", FortyPoints(), Redeem(1, 0, "12:00"), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"for a price that no item has", FortyPoints(), Redeem(10, 1'000'001, "12:00"),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"something that is no item", FortyPoints(),
       When(
           "redeem_item {account: 'accounts/a-1' owner_token: 'p-1' request {item: 'a-1' quantity: 1 price_points: 1}}",
           "12:00", kOwner),
       Refused(v1::REASON_INVALID_ARGUMENT)},
      {"a frozen account redeems nothing",
       Given(FortyPoints(), False("cases/c-3", "10:01"), False("cases/c-4", "10:02"), False("cases/c-5", "10:03")),
       Redeem(1, 1, "12:00"), Refused(v1::REASON_ACCOUNT_FROZEN)},

      {"the item set it aside: captured", Given(FortyPoints(), Redeem(1, 25, "12:00")),
       Settled("kind: 'GOODS'", "12:01"),
       Then(
           absl::StrCat("redemption_completed {kind: 'GOODS' ",
                        About("available: 15 held: 0 actor: "
                              "'policy:settle_redemption'"),
                        " postings {ledger: LEDGER_HELD points: -25} postings {ledger: LEDGER_REDEEMED points: 25}}"),
           Entry("number: 4 kind: TRANSACTION_KIND_REDEEMED points: 25 available: 15"),
           absl::StrCat("redemption_changed {redemption {status: REDEMPTION_STATUS_COMPLETED kind: 'GOODS' resolved_at "
                        "{",
                        Seconds("12:01"), "}}}"))},
      {"the item refused: void, and the points are where they were", Given(FortyPoints(), Redeem(1, 25, "12:00")),
       Settled("refused: VOID_GROUND_OUT_OF_STOCK", "12:01"),
       Then(
           absl::StrCat("redemption_voided {ground: VOID_GROUND_OUT_OF_STOCK ", About("available: 40 held: 0"), kBack,
                        "} lots {number: 1 points: 10} lots {number: 2 points: 15}"),
           Entry("kind: TRANSACTION_KIND_GIVEN_BACK points: 25 available: 40"),
           "redemption_changed {redemption {status: REDEMPTION_STATUS_VOIDED void_ground: VOID_GROUND_OUT_OF_STOCK}}")},
      {"nobody answers for ten minutes: void", Given(FortyPoints(), Redeem(1, 25, "12:00")), WhenTimePasses("12:10"),
       Then(absl::StrCat("redemption_voided {ground: VOID_GROUND_TIMED_OUT ",
                         About("available: 40 held: 0 actor: 'timer'"), kBack, "}"),
            Entry("kind: TRANSACTION_KIND_GIVEN_BACK"), "redemption_changed {}")},
      {"and not before", Given(FortyPoints(), Redeem(1, 25, "12:00")), WhenTimePasses("12:09:59"), ThenNothing()},

      // A hold resolves once.
      {"captured: the timer has nothing to do",
       Given(FortyPoints(), Redeem(1, 25, "12:00"), Settled("kind: 'GOODS'", "12:01")), WhenTimePasses("13:00"),
       ThenNothing()},
      {"refused: the timer has nothing to do",
       Given(FortyPoints(), Redeem(1, 25, "12:00"), Settled("refused: VOID_GROUND_OUT_OF_STOCK", "12:01")),
       WhenTimePasses("13:00"), ThenNothing()},
      {"captured twice", Given(FortyPoints(), Redeem(1, 25, "12:00"), Settled("kind: 'GOODS'", "12:01")),
       Settled("kind: 'GOODS'", "12:02"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"refused after it was captured", Given(FortyPoints(), Redeem(1, 25, "12:00"), Settled("kind: 'GOODS'", "12:01")),
       Settled("refused: VOID_GROUND_OUT_OF_STOCK", "12:02"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"set aside after the hold ran out", Given(FortyPoints(), Redeem(1, 25, "12:00"), TimePassed("12:10")),
       Settled("kind: 'GOODS'", "12:11"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"set aside in the very moment in which it runs out", Given(FortyPoints(), Redeem(1, 25, "12:00")),
       Settled("kind: 'GOODS'", "12:10"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"a redemption that nobody began", Given(FortyPoints()),
       When("settle_redemption {redemption: 'redemptions/rd-x' kind: 'GOODS'}", "12:00", kPolicy),
       Refused(v1::REASON_NOTHING_TO_SETTLE)},

      // Lots and holds.
      {"what is held does not expire", Given(FortyPoints(), Redeem(1, 25, "2028-11-17 23:55")),
       WhenTimePasses("2028-11-18 00:04"), ThenNothing()},
      {"what ran out while it was held is given back and expires",
       Given(FortyPoints(), Redeem(1, 25, "2028-11-17 23:55")), WhenTimePasses("2028-11-18 00:05"),
       Then(absl::StrCat("redemption_voided {", About("available: 40 held: 0"), "}"), Entry("available: 40"),
            "points_expired {points: 10 context {available: 30}} lots {number: 1 points: 10}", Entry("available: 30"),
            "redemption_changed {}")},
      {"a deduction takes only what is not held", Given(FortyPoints(), Redeem(1, 25, "12:00")),
       False("cases/c-3", "12:01"),
       Then("points_reversed {points: 15 context {available: 0 held: 25}} lots {number: 2 points: 15}", Entry(""))},
      {"lots given back are used again, the oldest first",
       Given(FortyPoints(), Redeem(1, 25, "12:00"), TimePassed("12:10")), Redeem(1, 5, "12:11"),
       Then("redemption_started {} lots {number: 1 points: 5}", Entry(""), "redemption_changed {}")},
      {"a lot given back in part stands before those that came after it",
       Given(Earned("report_registered", "cases/c-1", "2026-11-17 10:00"), Redeem(1, 10, "2026-11-17 11:00"),
             Earned("report_registered_hazard", "cases/c-2", "2026-11-17 11:01"),
             When("settle_redemption {redemption: 'redemptions/$2' refused: VOID_GROUND_OUT_OF_STOCK}",
                  "2026-11-17 11:02", kPolicy)),
       Redeem(1, 25, "2026-11-17 12:00"),
       Then("redemption_started {} lots {number: 1 points: 10} lots {number: 2 points: 15}", Entry(""),
            "redemption_changed {}")},
  };
  return rows;
}

TEST(Redemption, FollowsItsTable) {
  for (const gwt::Row& row : Rows()) EXPECT_EQ(CheckRow(row), "") << row.name;
}

TEST(Redemption, NeedsRulesToKnowHowLongToHold) {
  References none;
  Shard shard = NewShard(none);
  EXPECT_EQ(Check({"", Given(), Redeem(1, 1, "12:00"), Refused(v1::REASON_REFERENCE_MISSING)}, shard), "");
}

}  // namespace
}  // namespace civicmesh::points
