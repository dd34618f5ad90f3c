// The handlers over a whole service on the in-memory twins, policies included: what citizens, gateways, staff and the
// catalogue's manager see.
#include "services/points/points_rpc.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/points/v1/points_service.grpc.pb.h"
#include "civicmesh/runtime/v1/control_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "services/points/domain/points_for_tests.h"
#include "services/points/points_names.h"
#include "services/points/points_policies.h"
#include "services/points/points_reference.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/service_for_tests.h"

namespace civicmesh::points {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Stub = v1::PointsService::Stub;

const ActorView kLi{.subject = "li.wen", .posts = Posts({"CITIZEN"})};
const ActorView kWang{.subject = "wang.jie", .posts = Posts({"CITIZEN"})};
const ActorView kGateway{.subject = "sorting-system", .posts = Posts({"GATEWAY"})};
const ActorView kManager{.subject = "chen.hui", .posts = Posts({"CATALOGUE_MANAGER"})};
const ActorView kLeader{.subject = "zhao.min", .posts = Posts({"SHIFT_LEADER"})};

ServiceSpec Spec(bool policies) {
  ServiceSpec spec{.domain = "points",
                   .machines = [](int) { return std::make_unique<PointsShard>(); },
                   .references = ReferenceParsers(),
                   .services = [](const ServiceContext& s) { return std::vector{MakePointsRpc(s, "secret")}; }};
  if (policies) spec.policies = Policies;
  return spec;
}

// A service with `policies`, or one whose items never answer.
class Points {
 public:
  explicit Points(bool policies = true) : service(Spec(policies)) {
    service.LoadReference(kRulesKind, SampleRules().SerializeAsString());
    service.LoadReference(kCatalogueKind, SampleCatalogue().SerializeAsString());
  }

  template <typename Request, typename Response>
  grpc::Status Call(const ActorView& actor, grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    auto stub = v1::PointsService::NewStub(service.Channel());
    auto context = service.As(actor, now);
    return ((*stub).*rpc)(context.get(), request, response);
  }
  v1::Account Account(const ActorView& actor, const std::string& name = "accounts/me") {
    v1::GetAccountRequest request;
    request.set_name(name);
    v1::Account account;
    const auto status = Call(actor, &Stub::GetAccount, request, &account);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return account;
  }
  // A case that the citizen reported is registered.
  void Registered(const ActorView& citizen, const std::string& id, bool hazard = false) {
    dispatch::v1::CaseRegistered fact;
    auto& context = *fact.mutable_context();
    context.set_case_("cases/" + id);
    context.set_source(civicmesh::type::v1::REPORT_SOURCE_CITIZEN_APP);
    context.set_reporter_token(service.persons().Of(citizen.subject));
    context.set_safety_hazard(hazard);
    context.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(gwt::At("10:00")));
    service.Publish("dispatch", 1, fact, now);
  }
  v1::RecordEarningRequest Sorting(const ActorView& citizen, const std::string& source) {
    v1::RecordEarningRequest request;
    request.set_request_id(service.NewRequestId());
    request.set_rule("waste_sorting");
    request.set_citizen(citizen.subject);
    request.set_source(source);
    request.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(gwt::At("10:00")));
    return request;
  }
  v1::Item Stock(const std::string& id, int64_t add = 0) {
    v1::StockItemRequest request;
    request.set_request_id(service.NewRequestId());
    request.set_catalogue_id(id);
    request.set_add(add);
    v1::Item item;
    const auto status = Call(kManager, &Stub::StockItem, request, &item);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return item;
  }
  v1::RedeemItemRequest Redeeming(const v1::Item& item) {
    v1::RedeemItemRequest request;
    request.set_request_id(service.NewRequestId());
    request.set_item(item.name());
    request.set_quantity(1);
    request.set_price_points(item.price_points());
    return request;
  }
  v1::Redemption Redeem(const ActorView& citizen, const v1::Item& item) {
    v1::Redemption redemption;
    const auto status = Call(citizen, &Stub::RedeemItem, Redeeming(item), &redemption);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return redemption;
  }
  grpc::Status Get(const ActorView& citizen, const std::string& name, v1::Redemption* redemption) {
    v1::GetRedemptionRequest request;
    request.set_name(name);
    return Call(citizen, &Stub::GetRedemption, request, redemption);
  }
  v1::Redemption Now(const ActorView& citizen, const v1::Redemption& of) {
    v1::Redemption redemption;
    EXPECT_TRUE(Get(citizen, of.name(), &redemption).ok());
    return redemption;
  }
  v1::Item Now(const v1::Item& of) {
    v1::GetItemRequest request;
    request.set_name(of.name());
    v1::Item item;
    EXPECT_TRUE(Call(kWang, &Stub::GetItem, request, &item).ok());
    return item;
  }

  std::string now = "2026-11-18T10:00:00+08:00";
  ServiceForTests service;
};

TEST(PointsRpc, WhoNeverEarnedHasAnAccountAllTheSame) {
  Points points;
  const v1::Account account = points.Account(kLi);
  EXPECT_EQ(account.name(), AccountName(points.service.persons().Of("li.wen"), 2));
  EXPECT_EQ(account.owner_token(), points.service.persons().Of("li.wen"));
  EXPECT_EQ(account.available(), 0);
  EXPECT_EQ(points.Account(kLeader, account.name()).name(), account.name());
  v1::ListTransactionsRequest request;
  request.set_parent("accounts/me");
  v1::ListTransactionsResponse transactions;
  ASSERT_TRUE(points.Call(kLi, &Stub::ListTransactions, request, &transactions).ok());
  EXPECT_THAT(transactions.transactions(), IsEmpty());
}

TEST(PointsRpc, ARegisteredReportEarnsOnce) {
  Points points;
  points.Registered(kLi, "c-1");
  points.Registered(kLi, "c-2", /*hazard=*/true);
  points.Registered(kLi, "c-1");
  points.service.Quiesce();
  const v1::Account account = points.Account(kLi);
  EXPECT_EQ(account.available(), 40);
  EXPECT_EQ(account.issued(), 40);
  EXPECT_EQ(account.expiring_points(), 40);
  EXPECT_EQ(account.expiring_at().seconds(), absl::ToUnixSeconds(gwt::At("2028-11-19 00:00")));
  EXPECT_EQ(account.etag(), "2");
}

TEST(PointsRpc, AnAccountIsItsOwnersAndStaffs) {
  Points points;
  points.Registered(kLi, "c-1");
  points.service.Quiesce();
  const v1::Account account = points.Account(kLi);
  EXPECT_EQ(points.Account(kLi, account.name()).available(), 10);
  EXPECT_EQ(points.Account(kLeader, account.name()).available(), 10);
  v1::GetAccountRequest get;
  get.set_name(account.name());
  v1::Account seen;
  EXPECT_EQ(points.Call(kWang, &Stub::GetAccount, get, &seen).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(points.Call(kGateway, &Stub::GetAccount, get, &seen).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  get.set_name("accounts/me");
  EXPECT_EQ(points.Call(kLeader, &Stub::GetAccount, get, &seen).error_code(), grpc::StatusCode::NOT_FOUND);
  get.set_name("accounts/a-0z0000000000000000");  // a shard that this installation does not have
  EXPECT_EQ(points.Call(kLeader, &Stub::GetAccount, get, &seen).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::ListTransactionsRequest list;
  list.set_parent(account.name());
  v1::ListTransactionsResponse transactions;
  EXPECT_EQ(points.Call(kWang, &Stub::ListTransactions, list, &transactions).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(PointsRpc, AGatewayRecordsAnEarningOnce) {
  Points points;
  v1::RecordEarningRequest request = points.Sorting(kLi, "station-7/4711");
  v1::Account account;
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(points.Call(kGateway, &Stub::RecordEarning, request, &account).ok());
    EXPECT_EQ(account.name(), points.Account(kLi).name());
    EXPECT_EQ(account.available(), 5);
  }
  request.set_request_id(points.service.NewRequestId());
  const auto again = points.Call(kGateway, &Stub::RecordEarning, request, &account);
  EXPECT_EQ(again.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(again), "REASON_ALREADY_COUNTED");
  request.clear_citizen();
  EXPECT_EQ(points.Call(kGateway, &Stub::RecordEarning, request, &account).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(points.Call(kLi, &Stub::RecordEarning, points.Sorting(kLi, "s/1"), &account).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST(PointsRpc, TransactionsComeInPagesTheNewestFirst) {
  constexpr int kAll = 120, kPage = 33;
  Points points;
  v1::Account account;
  for (int i = 1; i <= kAll; ++i)
    ASSERT_TRUE(points.Call(kGateway, &Stub::RecordEarning, points.Sorting(kLi, absl::StrCat("s/", i)), &account).ok());
  EXPECT_EQ(account.available(), 10);  // two a day; the others are on record as denied

  v1::ListTransactionsRequest request;
  request.set_parent("accounts/me");
  request.set_page_size(kPage);
  int64_t expected = kAll;
  do {
    v1::ListTransactionsResponse page;
    ASSERT_TRUE(points.Call(kLi, &Stub::ListTransactions, request, &page).ok());
    EXPECT_EQ(page.transactions_size(), std::min<int64_t>(kPage, expected));
    for (const auto& transaction : page.transactions()) {
      EXPECT_EQ(transaction.number(), expected);
      EXPECT_EQ(transaction.source(), absl::StrCat("s/", expected));
      EXPECT_EQ(transaction.kind(), expected <= 2 ? v1::TRANSACTION_KIND_GRANTED : v1::TRANSACTION_KIND_DENIED);
      --expected;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(expected, 0);

  v1::ListTransactionsResponse page;
  request.set_page_token("nonsense");
  EXPECT_EQ(ReasonOf(points.Call(kLi, &Stub::ListTransactions, request, &page)), "REASON_BAD_PAGE_TOKEN");
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_EQ(ReasonOf(points.Call(kLi, &Stub::ListTransactions, request, &page)), "REASON_INVALID_ARGUMENT");
}

TEST(PointsRpc, ItemsAreStockedAndListed) {
  Points points;
  const v1::Item helmet = points.Stock("helmet");
  EXPECT_EQ(helmet.free(), 2);
  EXPECT_EQ(helmet.name_zh(), "骑行头盔");
  EXPECT_EQ(helmet.price_points(), 90);
  points.Stock("umbrella", 5);
  v1::ListItemsRequest request;
  v1::ListItemsResponse items;
  ASSERT_TRUE(points.Call(kLi, &Stub::ListItems, request, &items).ok());
  EXPECT_THAT(items.items(), SizeIs(2));
  EXPECT_EQ(points.Now(helmet).catalogue_id(), "helmet");

  v1::GetItemRequest unknown;
  unknown.set_name(ItemName("haircut", 2));
  v1::Item item;
  EXPECT_EQ(points.Call(kLi, &Stub::GetItem, unknown, &item).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::StockItemRequest stock;
  stock.set_request_id(points.service.NewRequestId());
  stock.set_catalogue_id("yacht");
  EXPECT_EQ(ReasonOf(points.Call(kManager, &Stub::StockItem, stock, &item)), "REASON_NOT_IN_CATALOGUE");
  EXPECT_EQ(points.Call(kLi, &Stub::StockItem, stock, &item).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST(PointsRpc, ARedemptionEndsInAVoucherForItsOwner) {
  Points points;
  points.Registered(kLi, "c-1", /*hazard=*/true);
  points.service.Quiesce();
  const v1::Item bag = points.Stock("tote-bag");
  const v1::RedeemItemRequest request = points.Redeeming(bag);
  v1::Redemption held, again;
  ASSERT_TRUE(points.Call(kLi, &Stub::RedeemItem, request, &held).ok());
  EXPECT_EQ(held.points(), 25);
  EXPECT_EQ(held.account(), points.Account(kLi).name());
  ASSERT_TRUE(points.Call(kLi, &Stub::RedeemItem, request, &again).ok());
  EXPECT_EQ(again.name(), held.name());
  points.service.Quiesce();

  const v1::Redemption completed = points.Now(kLi, held);
  EXPECT_EQ(completed.status(), v1::REDEMPTION_STATUS_COMPLETED);
  EXPECT_EQ(completed.kind(), "GOODS");
  EXPECT_THAT(completed.voucher(), SizeIs(16));
  v1::Redemption seen;
  EXPECT_EQ(points.Get(kWang, held.name(), &seen).error_code(), grpc::StatusCode::NOT_FOUND);
  const v1::Account account = points.Account(kLi);
  EXPECT_EQ(account.available(), 5);
  EXPECT_EQ(account.held(), 0);
  EXPECT_EQ(account.redeemed(), 25);
  EXPECT_EQ(points.Now(bag).taken(), 1);
  EXPECT_EQ(points.Now(bag).reserved(), 0);

  // The same voucher from a hot state made anew, and from nowhere but this redemption.
  points.service.Restart(/*wipe=*/true);
  EXPECT_EQ(points.Now(kLi, held).voucher(), completed.voucher());
  v1::ListRedemptionsResponse list;
  ASSERT_TRUE(points.Call(kLi, &Stub::ListRedemptions, v1::ListRedemptionsRequest(), &list).ok());
  ASSERT_THAT(list.redemptions(), SizeIs(1));
  EXPECT_EQ(list.redemptions(0).voucher(), completed.voucher());
  ASSERT_TRUE(points.Call(kWang, &Stub::ListRedemptions, v1::ListRedemptionsRequest(), &list).ok());
  EXPECT_THAT(list.redemptions(), IsEmpty());
}

TEST(PointsRpc, OfTwoWhoWantTheLastOneExactlyOneGetsIt) {
  Points points;
  const ActorView citizens[] = {kLi,
                                kWang,
                                {.subject = "zhang.yu", .posts = Posts({"CITIZEN"})},
                                {.subject = "sun.lan", .posts = Posts({"CITIZEN"})}};
  for (const auto& citizen : citizens)
    for (int i = 0; i < 4; ++i) points.Registered(citizen, absl::StrCat("c-", citizen.subject, i), /*hazard=*/true);
  points.service.Quiesce();
  const v1::Item seat = points.Stock("theatre-seat");  // three, at a hundred points
  points.Redeem(citizens[2], seat);
  points.Redeem(citizens[3], seat);
  points.service.Quiesce();
  ASSERT_EQ(points.Now(seat).free(), 1);

  std::vector<v1::Redemption> held(2);
  std::thread first([&] { held[0] = points.Redeem(kLi, seat); });
  held[1] = points.Redeem(kWang, seat);
  first.join();
  points.service.Quiesce();
  const v1::Redemption ended[] = {points.Now(kLi, held[0]), points.Now(kWang, held[1])};
  const bool li_won = ended[0].status() == v1::REDEMPTION_STATUS_COMPLETED;
  EXPECT_EQ(ended[li_won ? 0 : 1].status(), v1::REDEMPTION_STATUS_COMPLETED);
  EXPECT_EQ(ended[li_won ? 1 : 0].status(), v1::REDEMPTION_STATUS_VOIDED);
  EXPECT_EQ(ended[li_won ? 1 : 0].void_ground(), v1::VOID_GROUND_OUT_OF_STOCK);
  EXPECT_EQ(points.Account(kLi).available() + points.Account(kWang).available(), 100);
  EXPECT_EQ(points.Now(seat).free(), 0);
  EXPECT_EQ(points.Now(seat).taken(), 3);
}

TEST(PointsRpc, WithoutAnAnswerTheHoldRunsOut) {
  Points points(/*policies=*/false);
  v1::Account account;
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(points.Call(kGateway, &Stub::RecordEarning, points.Sorting(kLi, absl::StrCat("s/", i)), &account).ok());
  const v1::Item blade = points.Stock("blade-sharpening");  // 10 points
  const v1::Redemption held = points.Redeem(kLi, blade);
  EXPECT_EQ(held.status(), v1::REDEMPTION_STATUS_HELD);
  EXPECT_THAT(held.voucher(), IsEmpty());
  EXPECT_EQ(points.Account(kLi).held(), 10);
  v1::Redemption another;
  EXPECT_EQ(ReasonOf(points.Call(kLi, &Stub::RedeemItem, points.Redeeming(blade), &another)),
            "REASON_INSUFFICIENT_POINTS");

  runtime::v1::AdvanceTimeRequest later;
  later.set_service("points");
  later.mutable_time()->set_seconds(held.hold_expires_at().seconds());
  runtime::v1::AdvanceTimeResponse advanced;
  auto context = points.service.As({.subject = "operator", .posts = Posts({"OPERATOR"})});
  ASSERT_TRUE(runtime::v1::ControlService::NewStub(points.service.Channel())
                  ->AdvanceTime(context.get(), later, &advanced)
                  .ok());
  points.service.Quiesce();
  const v1::Redemption voided = points.Now(kLi, held);
  EXPECT_EQ(voided.status(), v1::REDEMPTION_STATUS_VOIDED);
  EXPECT_EQ(voided.void_ground(), v1::VOID_GROUND_TIMED_OUT);
  EXPECT_THAT(voided.voucher(), IsEmpty());
  EXPECT_EQ(points.Account(kLi).available(), 10);
}

TEST(PointsRpc, RedeemsNothingThatIsNoItem) {
  Points points;
  v1::RedeemItemRequest request;
  request.set_request_id(points.service.NewRequestId());
  request.set_quantity(1);
  request.set_price_points(1);
  v1::Redemption redemption;
  for (const char* item : {"", "items/", "items/i-x", "items/i-0z0000000000000000", "accounts/me"}) {
    request.set_item(item);
    EXPECT_EQ(points.Call(kLi, &Stub::RedeemItem, request, &redemption).error_code(), grpc::StatusCode::NOT_FOUND)
        << item;
  }
}

TEST(PointsRpc, OnlyPostsThatAnRpcNamesMayCallIt) {
  Points points;
  EXPECT_THAT(WrongAnswersToPosts(points.service, "civicmesh.points.v1.PointsService"), IsEmpty());
}

TEST(PointsRpc, AnothersThingIsAnsweredAsOneThatIsNotThere) {
  Points points;
  const v1::Item item = points.Stock("umbrella", 5);
  for (const ActorView& citizen : {kLi, kWang})
    for (const char* id : {"c1", "c2", "c3", "c4", "c5", "c6"}) points.Registered(citizen, citizen.subject + id);
  points.service.Quiesce();
  const auto account = [&](const ActorView& of) { return points.Account(of).name(); };
  const std::map<std::string, std::pair<std::string, std::string>> objects = {
      {"GetAccount", {account(kLi), account(kWang)}},
      {"ListTransactions", {account(kLi), account(kWang)}},
      {"GetRedemption", {points.Redeem(kLi, item).name(), points.Redeem(kWang, item).name()}}};
  int tried = 0;
  const auto* rpcs = v1::GetAccountRequest::descriptor()->file()->service(0);
  for (int m = 0; m < rpcs->method_count(); ++m) {
    const auto* method = rpcs->method(m);
    const auto* fields = method->input_type();
    if (PostsWithScope(*method, Scope::kOwn).empty() ||
        !(fields->FindFieldByName("name") || fields->FindFieldByName("parent")))
      continue;
    const auto& [within, beyond] = objects.at(method->name());
    std::string nowhere = within;
    nowhere.back() = nowhere.back() == 'a' ? 'b' : 'a';
    ++tried;
    EXPECT_EQ(WrongAnswersToObjects(
                  points.service,
                  {.method = method,
                   .actor = kLi,
                   .time = points.now,
                   .request = [&](const std::string& name) { return RequestFor(points.service, *method, "", name); },
                   .within = within,
                   .beyond = beyond,
                   .nowhere = nowhere}),
              "");
  }
  EXPECT_EQ(tried, 3);
}

// What may stand in the fields of points' requests (proto/civicmesh/points/v1/points_service.proto).
const FieldRules kRules = {{"GetAccountRequest.name", Name()},
                           {"ListTransactionsRequest.parent", Name()},
                           {"RecordEarningRequest.rule", Id()},
                           {"RecordEarningRequest.citizen", Free("a subject of the issuer's, never kept")},
                           {"RecordEarningRequest.source", Id()},
                           {"RecordEarningRequest.occurred_at", Time(/*past=*/false, /*future=*/false)},
                           {"GetItemRequest.name", Name()},
                           {"StockItemRequest.catalogue_id", Id()},
                           {"StockItemRequest.add", Number(0, 100'000)},
                           {"RedeemItemRequest.item", Name()},
                           {"RedeemItemRequest.quantity", Number(1, 10)},
                           {"RedeemItemRequest.price_points", Number(1, 1'000'000)},
                           {"GetRedemptionRequest.name", Name()}};

TEST(PointsRpc, NoFieldTakesWhatNobodyShouldSend) {
  Points points;
  const v1::Item item = points.Stock("umbrella", 50);
  for (const ActorView& citizen : {kLi, kWang})
    for (int i = 0; i < 6; ++i) points.Registered(citizen, absl::StrCat(citizen.subject, "-", i));
  points.service.Quiesce();
  const auto on = [&points](const std::string& method, const ActorView& actor, const std::string& fields,
                            const std::string& name) {
    const auto* found = v1::GetAccountRequest::descriptor()->file()->service(0)->FindMethodByName(method);
    return RequestCase{method, actor, points.now,
                       [=, &points] { return RequestFor(points.service, *found, fields, name); }};
  };
  int sorted = 0;
  const RequestCase earning{"RecordEarning", kGateway, points.now, [&] {
                              return std::make_unique<v1::RecordEarningRequest>(
                                  points.Sorting(kWang, absl::StrCat("sorting/station-7/", ++sorted)));
                            }};
  EXPECT_THAT(
      WrongAnswersToFields(
          points.service, "civicmesh.points.v1.PointsService", kRules,
          {on("GetAccount", kLi, "", "accounts/me"), on("ListTransactions", kLi, "page_size: 3", "accounts/me"),
           earning, on("GetItem", kLi, "", item.name()), on("ListItems", kLi, "page_size: 3", ""),
           on("StockItem", kManager, "catalogue_id: 'umbrella' add: 1", ""),
           on("RedeemItem", kWang,
              absl::StrCat("quantity: 1 price_points: ", item.price_points(), " item: '", item.name(), "'"), ""),
           on("GetRedemption", kLi, "", points.Redeem(kLi, item).name()),
           on("ListRedemptions", kLi, "page_size: 3", "")}),
      IsEmpty());
}

}  // namespace
}  // namespace civicmesh::points
