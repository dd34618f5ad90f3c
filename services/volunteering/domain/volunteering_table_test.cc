// The rules as tables: what happened before, what is asked, what comes of it.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "civicmesh/volunteering/v1/volunteering_journal.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/runtime/decider/given_when_then.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/volunteering/domain/shard.h"

namespace civicmesh::volunteering {
namespace {

using namespace gwt;  // NOLINT(google-build-using-namespace): the tables' words

const ActorView kOrganiser{.subject = "organiser-01", .posts = Posts({"ORGANISER"})};
const ActorView kOtherOrganiser{.subject = "organiser-02", .posts = Posts({"ORGANISER"})};
const ActorView kFormerOrganiser{.subject = "organiser-01", .posts = Posts({"CITIZEN"})};
const ActorView kCitizen{.subject = "u1", .posts = Posts({"CITIZEN"})};

// An activity on 2026-11-18 (the tables' day) from 14:00 to 16:00, published the day before; `more` overrides fields.
std::string PublishText(const std::string& more = "") {
  using google::protobuf::TextFormat;
  v1::Command command;
  auto* publish = command.mutable_publish_activity();
  EXPECT_TRUE(TextFormat::ParseFromString(
      "title_zh: '文明劝导' place_zh: '学林街路口' location {latitude: 30.29 longitude: 119.97} "
      "starts_at {seconds: 1794981600} ends_at {seconds: 1794988800} capacity: 2 minimum_age: 14 "
      "risks_zh: '车流较大，须站在安全岛内' insured: true",
      publish));
  EXPECT_TRUE(TextFormat::MergeFromString(more, publish)) << more;
  std::string text;
  TextFormat::PrintToString(command, &text);
  return text;
}
Step Published(const std::string& more = "") { return Did(PublishText(more), "2026-11-17 10:00", kOrganiser); }

std::string SignUpText(const std::string& who, const std::string& with = "age_band: AGE_BAND_ADULT") {
  return absl::StrCat("sign_up {name: 'activities/$1' ", with, "} caller_token: '", who, "'");
}
// A step that names a record; `by` is the caller's token.
std::string RecordText(const std::string& step, const std::string& who, const std::string& by,
                       const std::string& more = "") {
  return absl::StrCat(step, " {name: 'activities/$1/serviceRecords/", who, "' ", more, "} caller_token: '", by, "'");
}
std::string Own(const std::string& step, const std::string& who, const std::string& more = "") {
  return RecordText(step, who, who, more);
}
Step SignedUp(const std::string& who) { return Did(SignUpText(who), "2026-11-17 12:00", kCitizen); }
Step CheckedIn(const std::string& who, std::string_view at) { return Did(Own("check_in", who), at, kCitizen); }
Step CheckedOut(const std::string& who, std::string_view at) { return Did(Own("check_out", who), at, kCitizen); }
std::string ConfirmText(const std::string& who, int minutes) {
  return RecordText("confirm_service", who, "p-o", absl::StrCat("minutes: ", minutes));
}

Expected Minutes(int minutes) {
  return Then(absl::StrCat("volunteer_checked_out {volunteer_token: 'p-1' minutes: ", minutes, "}"));
}

void CheckAll(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    References references;
    Shard shard(MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &references);
    EXPECT_EQ(Check(row, shard), "") << row.name;
  }
}

TEST(VolunteeringTableTest, Publishing) {
  const auto refused = [](const std::string& name, const std::string& more, v1::Reason reason) {
    return Row{name, Given(), When(PublishText(more), "2026-11-17 10:00", kOrganiser), Refused(reason)};
  };
  const std::string long_title(101, 'a');
  CheckAll({
      {"published with all that a volunteer has to know", Given(),
       When(PublishText("personal_danger: true"), "2026-11-17 10:00", kOrganiser),
       Then(
           "activity_published {context {activity: 'activities/$1' organiser: 'organiser-01' actor: 'organiser-01' "
           "starts_at {seconds: 1794981600} ends_at {seconds: 1794988800} capacity: 2} title_zh: '文明劝导' place_zh: "
           "'学林街路口' location {latitude: 30.29} minimum_age: 14 risks_zh: '车流较大，须站在安全岛内' insured: true "
           "personal_danger: true}")},
      {"no danger needs no insurance", Given(), When(PublishText("insured: false"), "2026-11-17 10:00", kOrganiser),
       Then("activity_published {}")},
      refused("danger needs insurance", "personal_danger: true insured: false", v1::REASON_INSURANCE_MISSING),
      refused("risks have to be stated", "risks_zh: ''", v1::REASON_RISKS_MISSING),
      refused("blanks state no risk", "risks_zh: '  '", v1::REASON_RISKS_MISSING),
      refused("no title", "title_zh: ' '", v1::REASON_INVALID_ARGUMENT),
      refused("title too long", "title_zh: '" + long_title + "'", v1::REASON_INVALID_ARGUMENT),
      refused("no place", "place_zh: ''", v1::REASON_INVALID_ARGUMENT),
      refused("location outside the earth", "location {latitude: 91}", v1::REASON_INVALID_ARGUMENT),
      refused("location is no number", "location {latitude: nan}", v1::REASON_INVALID_ARGUMENT),
      refused("location left out", "location {latitude: 0 longitude: 0}", v1::REASON_INVALID_ARGUMENT),
      refused("starts now", "starts_at {seconds: 1794880800} ends_at {seconds: 1794884400}",
              v1::REASON_INVALID_ARGUMENT),
      refused("starts in two years", "starts_at {seconds: 1858053600} ends_at {seconds: 1858060800}",
              v1::REASON_INVALID_ARGUMENT),
      refused("ends as it starts", "ends_at {seconds: 1794981600}", v1::REASON_INVALID_ARGUMENT),
      refused("lasts two days", "ends_at {seconds: 1795154400}", v1::REASON_INVALID_ARGUMENT),
      refused("a time beyond all calendars", "ends_at {seconds: 9223372036854775807}", v1::REASON_INVALID_ARGUMENT),
      refused("no places", "capacity: 0", v1::REASON_INVALID_ARGUMENT),
      refused("more places than one activity takes", "capacity: 501", v1::REASON_INVALID_ARGUMENT),
      refused("an age that no band tells", "minimum_age: 15", v1::REASON_INVALID_ARGUMENT),
      refused("a telephone number in the title", "title_zh: '报名电话13800000000'", v1::REASON_PERSONAL_DATA_IN_TEXT),
      refused("in the place, in groups", "place_zh: '集合 138-0000-0000'", v1::REASON_PERSONAL_DATA_IN_TEXT),
      refused("an address among the risks", "risks_zh: '详询 a＠b.example'", v1::REASON_PERSONAL_DATA_IN_TEXT),
  });
}

TEST(VolunteeringTableTest, SigningUp) {
  const auto asked = [](const std::string& name, const std::string& with, Expected then) {
    return Row{name, Given(Published()), When(SignUpText("p-1", with), "2026-11-17 12:00", kCitizen), std::move(then)};
  };
  CheckAll({
      asked("an adult", "age_band: AGE_BAND_ADULT",
            Then("volunteer_signed_up {context {activity: 'activities/$1' actor: 'p-1' signed_up: 1 capacity: 2} "
                 "volunteer_token: 'p-1'} age_band: AGE_BAND_ADULT")),
      asked("14, the minimum age, a guardian agrees", "age_band: AGE_BAND_FROM_14 guardian_consent: true",
            Then("volunteer_signed_up {} age_band: AGE_BAND_FROM_14 guardian_consent: true")),
      asked("17, a guardian agrees", "age_band: AGE_BAND_FROM_16 guardian_consent: true",
            Then("volunteer_signed_up {}")),
      asked("17, no guardian was asked", "age_band: AGE_BAND_FROM_16", Refused(v1::REASON_GUARDIAN_CONSENT_MISSING)),
      asked("13, whatever the guardian says", "age_band: AGE_BAND_FROM_12 guardian_consent: true",
            Refused(v1::REASON_TOO_YOUNG)),
      asked("11", "age_band: AGE_BAND_UNDER_12 guardian_consent: true", Refused(v1::REASON_TOO_YOUNG)),
      asked("no age given", "", Refused(v1::REASON_INVALID_ARGUMENT)),
      {"11, where there is no minimum", Given(Published("minimum_age: 0")),
       When(SignUpText("p-1", "age_band: AGE_BAND_UNDER_12 guardian_consent: true"), "2026-11-17 12:00", kCitizen),
       Then("volunteer_signed_up {}")},
      {"15, where adults are wanted", Given(Published("minimum_age: 18")),
       When(SignUpText("p-1", "age_band: AGE_BAND_FROM_14 guardian_consent: true"), "2026-11-17 12:00", kCitizen),
       Refused(v1::REASON_TOO_YOUNG)},
      {"the last place", Given(Published(), SignedUp("p-1")), When(SignUpText("p-2"), "2026-11-17 12:01", kCitizen),
       Then("volunteer_signed_up {context {signed_up: 2}}")},
      {"all places are taken", Given(Published(), SignedUp("p-1"), SignedUp("p-2")),
       When(SignUpText("p-3"), "2026-11-17 12:01", kCitizen), Refused(v1::REASON_FULL)},
      {"a place became free",
       Given(Published(), SignedUp("p-1"), SignedUp("p-2"),
             Did(Own("cancel_sign_up", "p-1"), "2026-11-17 12:01", kCitizen)),
       When(SignUpText("p-3"), "2026-11-17 12:02", kCitizen), Then("volunteer_signed_up {context {signed_up: 2}}")},
      {"twice", Given(Published(), SignedUp("p-1")), When(SignUpText("p-1"), "2026-11-17 12:01", kCitizen),
       Refused(v1::REASON_ALREADY_SIGNED_UP)},
      {"again after cancelling",
       Given(Published(), SignedUp("p-1"), Did(Own("cancel_sign_up", "p-1"), "2026-11-17 12:01", kCitizen)),
       When(SignUpText("p-1"), "2026-11-17 12:02", kCitizen), Then("volunteer_signed_up {context {signed_up: 1}}")},
      {"a minute before the start", Given(Published()), When(SignUpText("p-1"), "13:59", kCitizen),
       Then("volunteer_signed_up {}")},
      {"at the start", Given(Published()), When(SignUpText("p-1"), "14:00", kCitizen), Refused(v1::REASON_TOO_LATE)},
      {"for an activity that was called off",
       Given(Published(), Did("cancel_activity {name: 'activities/$1'}", "2026-11-17 11:00", kOrganiser)),
       When(SignUpText("p-1"), "2026-11-17 12:00", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
      {"for one's own activity", Given(Published()),
       When(SignUpText("p-o") + " caller_organises: true", "2026-11-17 12:00", kCitizen),
       Refused(v1::REASON_OWN_ACTIVITY)},
      {"for one's own activity, by a release that wrote citizens' subjects down", Given(Published()),
       When(SignUpText("p-o"), "2026-11-17 12:00", kFormerOrganiser), Refused(v1::REASON_OWN_ACTIVITY)},
      {"for no activity", Given(),
       When("sign_up {name: 'activities/v-0' age_band: AGE_BAND_ADULT} caller_token: 'p-1'", "10:00", kCitizen),
       Refused(v1::REASON_ACTIVITY_NOT_FOUND)},
  });
}

TEST(VolunteeringTableTest, Cancelling) {
  const std::string cancel = "cancel_activity {name: 'activities/$1'}";
  CheckAll({
      {"a volunteer stays away", Given(Published(), SignedUp("p-1")),
       When(Own("cancel_sign_up", "p-1"), "13:59", kCitizen),
       Then("sign_up_cancelled {context {actor: 'p-1' signed_up: 0} volunteer_token: 'p-1'}")},
      {"too late at the start", Given(Published(), SignedUp("p-1")),
       When(Own("cancel_sign_up", "p-1"), "14:00", kCitizen), Refused(v1::REASON_TOO_LATE)},
      {"not once checked in", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "13:40")),
       When(Own("cancel_sign_up", "p-1"), "13:50", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
      {"not twice",
       Given(Published(), SignedUp("p-1"), Did(Own("cancel_sign_up", "p-1"), "2026-11-17 12:01", kCitizen)),
       When(Own("cancel_sign_up", "p-1"), "2026-11-17 12:02", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
      {"not for another", Given(Published(), SignedUp("p-1")),
       When(RecordText("cancel_sign_up", "p-1", "p-2"), "10:00", kCitizen), Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"not by the organiser", Given(Published(), SignedUp("p-1")),
       When(RecordText("cancel_sign_up", "p-1", "p-o"), "10:00", kOrganiser), Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"never signed up", Given(Published()), When(Own("cancel_sign_up", "p-1"), "10:00", kCitizen),
       Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"seen before it changed", Given(Published(), SignedUp("p-1")),
       When(Own("cancel_sign_up", "p-1", "etag: '1'"), "10:00", kCitizen), Refused(v1::REASON_ETAG_MISMATCH)},
      {"seen as it is", Given(Published(), SignedUp("p-1"), SignedUp("p-2")),
       When(Own("cancel_sign_up", "p-1", "etag: '2'"), "10:00", kCitizen), Then("sign_up_cancelled {}")},

      {"an activity is called off", Given(Published(), SignedUp("p-1")), When(cancel, "13:59", kOrganiser),
       Then("activity_cancelled {context {actor: 'organiser-01' signed_up: 0}}")},
      {"too late once it has started", Given(Published()), When(cancel, "14:00", kOrganiser),
       Refused(v1::REASON_TOO_LATE)},
      {"not twice", Given(Published(), Did(cancel, "10:00", kOrganiser)), When(cancel, "10:01", kOrganiser),
       Refused(v1::REASON_WRONG_STATUS)},
      {"not by another organiser", Given(Published()), When(cancel, "10:00", kOtherOrganiser),
       Refused(v1::REASON_NOT_YOUR_ACTIVITY)},
      {"not by one who is no organiser any more", Given(Published()), When(cancel, "10:00", kFormerOrganiser),
       Refused(v1::REASON_NOT_YOUR_ACTIVITY)},
      {"seen before it changed", Given(Published(), SignedUp("p-1")),
       When("cancel_activity {name: 'activities/$1' etag: '1'}", "10:00", kOrganiser),
       Refused(v1::REASON_ETAG_MISMATCH)},
      {"what was called off does not end", Given(Published(), SignedUp("p-1"), Did(cancel, "10:00", kOrganiser)),
       WhenTimePasses("20:00"), ThenNothing()},
      {"nor can anyone check in", Given(Published(), SignedUp("p-1"), Did(cancel, "10:00", kOrganiser)),
       When(Own("check_in", "p-1"), "14:00", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
  });
}

TEST(VolunteeringTableTest, CheckingIn) {
  const Steps signed_up = Given(Published(), SignedUp("p-1"));
  const auto asked = [&](const std::string& name, std::string_view at, Expected then) {
    return Row{name, signed_up, When(Own("check_in", "p-1"), at, kCitizen), std::move(then)};
  };
  CheckAll({
      asked("half an hour early", "13:30",
            Then("volunteer_checked_in {context {actor: 'p-1' signed_up: 1} volunteer_token: 'p-1'}")),
      asked("earlier than that", "13:29:59", Refused(v1::REASON_TOO_EARLY)),
      asked("in the last minute", "15:59:59", Then("volunteer_checked_in {}")),
      asked("at the end", "16:00", Refused(v1::REASON_TOO_LATE)),
      {"the organiser for the volunteer", signed_up, When(RecordText("check_in", "p-1", "p-o"), "14:00", kOrganiser),
       Then("volunteer_checked_in {context {actor: 'organiser-01'} volunteer_token: 'p-1'}")},
      {"another organiser", signed_up, When(RecordText("check_in", "p-1", "p-x"), "14:00", kOtherOrganiser),
       Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"another volunteer", Given(signed_up, SignedUp("p-2")),
       When(RecordText("check_in", "p-1", "p-2"), "14:00", kCitizen), Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"twice", Given(signed_up, CheckedIn("p-1", "14:00")), When(Own("check_in", "p-1"), "14:01", kCitizen),
       Refused(v1::REASON_WRONG_STATUS)},
      {"without having signed up", Given(Published()), When(Own("check_in", "p-1"), "14:00", kCitizen),
       Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"after cancelling", Given(signed_up, Did(Own("cancel_sign_up", "p-1"), "13:00", kCitizen)),
       When(Own("check_in", "p-1"), "14:00", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
      {"for no activity", Given(),
       When("check_in {name: 'activities/v-0/serviceRecords/p-1'} caller_token: 'p-1'", "14:00", kCitizen),
       Refused(v1::REASON_ACTIVITY_NOT_FOUND)},
  });
}

TEST(VolunteeringTableTest, CheckingOut) {
  const auto served = [](const std::string& name, std::string_view in, std::string_view out, int minutes) {
    return Row{name, Given(Published(), SignedUp("p-1"), CheckedIn("p-1", in)),
               When(Own("check_out", "p-1"), out, kCitizen), Minutes(minutes)};
  };
  CheckAll({
      served("early and late do not count", "13:35", "16:10", 120),
      served("from check-in to check-out", "14:08", "15:53", 105),
      served("full minutes only", "14:00:30", "15:00:29", 59),
      served("gone before it started", "13:35", "13:50", 0),
      served("an hour after the end at the latest", "15:00", "16:59:59", 60),
      {"the organiser for the volunteer", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "14:00")),
       When(RecordText("check_out", "p-1", "p-o"), "15:00", kOrganiser),
       Then("volunteer_checked_out {context {actor: 'organiser-01'} minutes: 60}")},
      {"another volunteer", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "14:00")),
       When(RecordText("check_out", "p-1", "p-2"), "15:00", kCitizen), Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"without having come", Given(Published(), SignedUp("p-1")), When(Own("check_out", "p-1"), "15:00", kCitizen),
       Refused(v1::REASON_WRONG_STATUS)},
      {"twice", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "14:00"), CheckedOut("p-1", "15:00")),
       When(Own("check_out", "p-1"), "15:01", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
      {"after it was assumed", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "14:00")),
       When(Own("check_out", "p-1"), "17:00", kCitizen), Refused(v1::REASON_WRONG_STATUS)},
  });
}

TEST(VolunteeringTableTest, Confirming) {
  const Steps served = Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "14:08"), CheckedOut("p-1", "15:53"));
  CheckAll({
      {"what was recorded", served, When(ConfirmText("p-1", 105), "17:00", kOrganiser),
       Then("service_confirmed {context {actor: 'organiser-01'} volunteer_token: 'p-1' minutes: 105 "
            "checked_in_at {seconds: 1794982080} checked_out_at {seconds: 1794988380}}")},
      {"less than was recorded", served, When(ConfirmText("p-1", 90), "17:00", kOrganiser),
       Then("service_confirmed {minutes: 90}")},
      {"before the activity ends", served, When(ConfirmText("p-1", 105), "15:55", kOrganiser),
       Then("service_confirmed {minutes: 105}")},
      {"a minute more", served, When(ConfirmText("p-1", 106), "17:00", kOrganiser),
       Refused(v1::REASON_MORE_THAN_RECORDED)},
      {"nothing", served, When(ConfirmText("p-1", 0), "17:00", kOrganiser), Refused(v1::REASON_MORE_THAN_RECORDED)},
      {"less than nothing", served, When(ConfirmText("p-1", -5), "17:00", kOrganiser),
       Refused(v1::REASON_MORE_THAN_RECORDED)},
      {"twice", Given(served, Did(ConfirmText("p-1", 105), "17:00", kOrganiser)),
       When(ConfirmText("p-1", 60), "17:01", kOrganiser), Refused(v1::REASON_ALREADY_CONFIRMED)},
      {"by another organiser", served, When(ConfirmText("p-1", 105), "17:00", kOtherOrganiser),
       Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"by the volunteer", served, When(Own("confirm_service", "p-1", "minutes: 105"), "17:00", kCitizen),
       Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"of one who is still there", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "14:08")),
       When(ConfirmText("p-1", 1), "15:00", kOrganiser), Refused(v1::REASON_WRONG_STATUS)},
      {"of one who never came", Given(Published(), SignedUp("p-1")), When(ConfirmText("p-1", 1), "17:00", kOrganiser),
       Refused(v1::REASON_WRONG_STATUS)},
      {"of one who never signed up", Given(Published()), When(ConfirmText("p-1", 1), "17:00", kOrganiser),
       Refused(v1::REASON_RECORD_NOT_FOUND)},
      {"of an assumed check-out", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "15:00")),
       When(ConfirmText("p-1", 60), "17:00", kOrganiser),
       Then("service_confirmed {minutes: 60 checked_out_at {seconds: 1794988800}}")},
  });
}

TEST(VolunteeringTableTest, TheEnd) {
  const Steps three = Given(Published("capacity: 3"), SignedUp("p-1"), SignedUp("p-2"), SignedUp("p-3"));
  CheckAll({
      {"not yet", three, WhenTimePasses("15:59:59"), ThenNothing()},
      {"who never came is absent", Given(three, CheckedIn("p-2", "14:00")), WhenTimePasses("16:00"),
       Then("volunteer_absent {context {actor: 'timer' signed_up: 3} volunteer_token: 'p-1'}",
            "volunteer_absent {volunteer_token: 'p-3'}", "activity_ended {}")},
      {"who cancelled is not", Given(three, Did(Own("cancel_sign_up", "p-3"), "10:00", kCitizen)),
       WhenTimePasses("16:00"),
       Then("volunteer_absent {volunteer_token: 'p-1'}", "volunteer_absent {volunteer_token: 'p-2'}",
            "activity_ended {}")},
      {"an hour later whoever is still there is taken to have left at the end",
       Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "15:00"), TimePassed("16:30")), WhenTimePasses("17:00"),
       Then("volunteer_checked_out {context {actor: 'timer' occurred_at {seconds: 1794992400}} volunteer_token: 'p-1' "
            "minutes: 60} check_out_assumed: true")},
      {"not a minute earlier", Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "15:00"), TimePassed("16:30")),
       WhenTimePasses("16:59:59"), ThenNothing()},
      {"nothing is left to assume where everyone checked out",
       Given(Published(), SignedUp("p-1"), CheckedIn("p-1", "15:00"), TimePassed("16:05"), CheckedOut("p-1", "16:10")),
       WhenTimePasses("20:00"), ThenNothing()},
  });
}

}  // namespace
}  // namespace civicmesh::volunteering
