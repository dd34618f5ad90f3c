// The item's side of a redemption: helmets, of which the sample's catalogue has two at 90 points.
#include "services/points/domain/item.h"

#include <vector>

#include "services/points/domain/points_for_tests.h"
#include "services/runtime/decider/posts_for_tests.h"

namespace civicmesh::points {
namespace {

using namespace gwt;

const ActorView kManager{.subject = "chen.hui", .posts = Posts({"CATALOGUE_MANAGER"})};
const ActorView kPolicy{.subject = "policy:reserve_stock", .posts = {}};

Step Stock(int64_t add, std::string_view at, const std::string& id = "helmet") {
  return Did(absl::StrCat("stock_item {item: 'items/i-1' request {catalogue_id: '", id, "' add: ", add, "}}"), at,
             kManager);
}
Step Reserve(const std::string& redemption, int quantity, int64_t points, std::string_view at) {
  return Did(absl::StrCat("reserve_stock {item: 'items/i-1' redemption: 'redemptions/", redemption,
                          "' quantity: ", quantity, " points: ", points, "}"),
             at, kPolicy);
}
Step Over(const std::string& redemption, bool completed, std::string_view at) {
  return Did(absl::StrCat("settle_stock {item: 'items/i-1' redemption: 'redemptions/", redemption,
                          "' completed: ", completed ? "true" : "false", "}"),
             at, kPolicy);
}

// What the item says of itself.
std::string Now(int free, int reserved, int taken) {
  return absl::StrCat("context {item: 'items/i-1' catalogue_id: 'helmet' price_points: 90 free: ", free,
                      " reserved: ", reserved, " taken: ", taken, "}");
}
Expected ThenRefused(const std::string& ground) {
  return Then(absl::StrCat("stock_refused {redemption: 'redemptions/rd-1' ground: ", ground, "}"));
}

const std::vector<gwt::Row>& Rows() {
  static const auto& rows = *new std::vector<gwt::Row>{
      {"published with what the catalogue says", Given(), Stock(0, "09:00"),
       Then(absl::StrCat("item_stocked {added: 2 ", Now(2, 0, 0),
                         "} name_zh: '骑行头盔' name_en: 'Riding helmet' kind: 'GOODS' merchant_zh: '锦帆车行'"))},
      {"and more on top", Given(), Stock(3, "09:00"), Then(absl::StrCat("item_stocked {added: 5 ", Now(5, 0, 0), "}"))},
      {"restocked", Given(Stock(0, "09:00")), Stock(4, "10:00"),
       Then(absl::StrCat("item_stocked {added: 4 ", Now(6, 0, 0), "}"))},
      {"taken over anew, without stock", Given(Stock(0, "09:00")), Stock(0, "10:00"),
       Then(absl::StrCat("item_stocked {added: 0 ", Now(2, 0, 0), "}"))},
      {"less than none", Given(), Stock(-1, "09:00"), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"more than a shop holds", Given(), Stock(100'001, "09:00"), Refused(v1::REASON_INVALID_ARGUMENT)},
      {"not in the catalogue", Given(), Stock(0, "09:00", "yacht"), Refused(v1::REASON_NOT_IN_CATALOGUE)},

      {"set aside", Given(Stock(0, "09:00")), Reserve("rd-1", 1, 90, "10:00"),
       Then(absl::StrCat("stock_reserved {redemption: 'redemptions/rd-1' quantity: 1 points: 90 kind: 'GOODS' ",
                         Now(1, 1, 0), "}"))},
      {"to the last one", Given(Stock(0, "09:00")), Reserve("rd-1", 2, 180, "10:00"),
       Then(absl::StrCat("stock_reserved {", Now(0, 2, 0), "}"))},
      {"and not one more", Given(Stock(0, "09:00"), Reserve("rd-0", 2, 180, "10:00")), Reserve("rd-1", 1, 90, "10:01"),
       ThenRefused("VOID_GROUND_OUT_OF_STOCK")},
      {"nor three of two", Given(Stock(0, "09:00")), Reserve("rd-1", 3, 270, "10:00"),
       ThenRefused("VOID_GROUND_OUT_OF_STOCK")},
      {"for less than the price", Given(Stock(0, "09:00")), Reserve("rd-1", 1, 89, "10:00"),
       ThenRefused("VOID_GROUND_PRICE_CHANGED")},
      {"for more than the price", Given(Stock(0, "09:00")), Reserve("rd-1", 1, 91, "10:00"),
       ThenRefused("VOID_GROUND_PRICE_CHANGED")},
      {"what was never published", Given(), Reserve("rd-1", 1, 90, "10:00"), ThenRefused("VOID_GROUND_NO_SUCH_ITEM")},
      {"published after it was asked for", Given(Reserve("rd-0", 1, 90, "09:00")), Stock(0, "10:00"),
       Then(absl::StrCat("item_stocked {added: 2 ", Now(2, 0, 0), "}"))},

      {"completed: taken", Given(Stock(0, "09:00"), Reserve("rd-1", 1, 90, "10:00")), Over("rd-1", true, "10:01"),
       Then(absl::StrCat("stock_taken {redemption: 'redemptions/rd-1' quantity: 1 ", Now(1, 0, 1), "}"))},
      {"voided: released", Given(Stock(0, "09:00"), Reserve("rd-1", 2, 180, "10:00")), Over("rd-1", false, "10:01"),
       Then(absl::StrCat("stock_released {redemption: 'redemptions/rd-1' quantity: 2 ", Now(2, 0, 0), "}"))},
      {"what was released can be set aside",
       Given(Stock(0, "09:00"), Reserve("rd-0", 2, 180, "10:00"), Over("rd-0", false, "10:01")),
       Reserve("rd-1", 2, 180, "10:02"), Then(absl::StrCat("stock_reserved {", Now(0, 2, 0), "}"))},
      {"what was taken cannot", Given(Stock(0, "09:00"), Reserve("rd-0", 2, 180, "10:00"), Over("rd-0", true, "10:01")),
       Reserve("rd-1", 1, 90, "10:02"), ThenRefused("VOID_GROUND_OUT_OF_STOCK")},
      {"taken once", Given(Stock(0, "09:00"), Reserve("rd-1", 1, 90, "10:00"), Over("rd-1", true, "10:01")),
       Over("rd-1", true, "10:02"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"taken and then released",
       Given(Stock(0, "09:00"), Reserve("rd-1", 1, 90, "10:00"), Over("rd-1", true, "10:01")),
       Over("rd-1", false, "10:02"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"released and then taken",
       Given(Stock(0, "09:00"), Reserve("rd-1", 1, 90, "10:00"), Over("rd-1", false, "10:01")),
       Over("rd-1", true, "10:02"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"a hold that ran out after it was refused", Given(Stock(0, "09:00"), Reserve("rd-1", 3, 270, "10:00")),
       Over("rd-1", false, "10:10"), Refused(v1::REASON_NOTHING_TO_SETTLE)},
      {"a reservation waits for its answer however long", Given(Stock(0, "09:00"), Reserve("rd-1", 1, 90, "10:00")),
       WhenTimePasses("2030-01-01 00:00"), ThenNothing()},
  };
  return rows;
}

TEST(Item, FollowsItsTable) {
  for (const gwt::Row& row : Rows()) EXPECT_EQ(CheckRow(row), "") << row.name;
}

TEST(Item, WithoutACatalogueNothingIsStocked) {
  References none;
  Shard shard = NewShard(none);
  EXPECT_EQ(Check({"", Given(), Stock(0, "09:00"), Refused(v1::REASON_REFERENCE_MISSING)}, shard), "");
}

// A newer catalogue: what left it can no longer be redeemed; a price holds once the item is taken over anew.
TEST(Item, FollowsItsCatalogue) {
  References references = SampleReferences();
  Shard shard = NewShard(references);
  ASSERT_EQ(shard.Run(Stock(0, "09:00")).reason, "");

  auto dearer = std::make_shared<reference::v1::Catalogue>(SampleCatalogue());
  for (auto& entry : *dearer->mutable_items())
    if (entry.id() == "helmet") entry.set_price_points(100);
  references.Set(kCatalogueKind, dearer);
  EXPECT_EQ(Check({"the price shown is the price", Given(), Reserve("rd-1", 1, 90, "10:00"),
                   Then("stock_reserved {context {price_points: 90}}")},
                  shard),
            "");
  EXPECT_EQ(Check({"until the manager takes it over", Given(), Stock(0, "10:01"),
                   Then("item_stocked {added: 0 context {price_points: 100 free: 1 reserved: 1}}")},
                  shard),
            "");
  EXPECT_EQ(
      Check({"", Given(), Reserve("rd-2", 1, 90, "10:02"), Then("stock_refused {ground: VOID_GROUND_PRICE_CHANGED}")},
            shard),
      "");

  references.Set(kCatalogueKind, std::make_shared<reference::v1::Catalogue>());
  EXPECT_EQ(
      Check({"", Given(), Reserve("rd-3", 1, 100, "10:03"), Then("stock_refused {ground: VOID_GROUND_NO_SUCH_ITEM}")},
            shard),
      "");
  EXPECT_EQ(Check({"what is set aside is settled all the same", Given(), Over("rd-1", true, "10:04"),
                   Then("stock_taken {context {free: 1 reserved: 0 taken: 1}}")},
                  shard),
            "");
}

}  // namespace
}  // namespace civicmesh::points
