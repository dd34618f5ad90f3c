// Reveals, a person's own data, reports against staff and the audit chain, as tables.
#include "services/intake/domain/reveals.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/intake/domain/audit.h"
#include "services/intake/domain/sealed_reports.h"
#include "services/intake/domain/tables_for_tests.h"

namespace civicmesh::intake {
namespace {

const ActorView kOfficer{.subject = "security-01", .posts = Posts({"SECURITY_OFFICER"})};
const ActorView kDiscipline{.subject = "discipline-01", .posts = Posts({"DISCIPLINE_OFFICER"})};
const ActorView kOtherRegistrar{.subject = "registrar-02", .posts = Posts({"REGISTRAR"})};

const std::string kText = "text {sealed {ciphertext: 'x' key_id: 'k'} masked: '垃圾没人收' length: 5} ";
const std::string kCode = absl::StrCat("tracking_hash: '", Hash('c'), "' ");

Step Reported() { return Did(absl::StrCat("caller_token: 'p-u1' submit_report {", kText, "}"), "10:00", kCitizen); }
Step ReportedAnonymously() {
  return Did(absl::StrCat("submit_report {", kText, kCode, "anonymous: true}"), "10:00", kNobody);
}
const std::string kAsk =
    "request_reveal {report: 'reports/$1' purpose: REVEAL_PURPOSE_CALL_BACK reason: '地点不明，需要回访'}";
Step Asked() { return Did(kAsk, "10:10", kRegistrar); }
Step Granted() { return Did("decide_reveal {name: 'reveals/$2' grant: true}", "10:20", kOfficer); }
Step Denied() { return Did("decide_reveal {name: 'reveals/$2' note: '可以现场核实'}", "10:20", kOfficer); }
const std::string kRead = "read_revealed {name: 'reveals/$2'}";

Step Sealed() {
  return Did(absl::StrCat("submit_sealed_report {content {ciphertext: 'x' key_id: 'k'} ", kCode, "}"), "10:00",
             kNobody);
}
const std::string kLink = "audit_entry_recorded {}";

class RevealsTest : public testing::TestWithParam<Row> {};
TEST_P(RevealsTest, Holds) { EXPECT_EQ(CheckRow(GetParam()), ""); }

std::string Name(const testing::TestParamInfo<Row>& info) {
  std::string name;
  for (char c : info.param.name) name += isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Reveals, RevealsTest,
    testing::Values(
        Row{"asked for, it waits and is recorded", Given(Reported()), When(kAsk, "10:10", kRegistrar),
            Then("reveal_requested {person_token: 'p-u1' reveal {report: 'reports/$1' status: REVEAL_STATUS_PENDING "
                 "purpose: REVEAL_PURPOSE_CALL_BACK requested_by: 'registrar-01'}}",
                 kLink, "audit_chain_advanced {number: 1}")},
        Row{"without a purpose", Given(Reported()),
            When("request_reveal {report: 'reports/$1' reason: '地点不明，需要回访'}", "10:10", kRegistrar),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"without a reason worth the name", Given(Reported()),
            When("request_reveal {report: 'reports/$1' purpose: REVEAL_PURPOSE_LEGAL reason: '要看'}", "10:10",
                 kRegistrar),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"of no report", Given(Reported()),
            When("request_reveal {report: 'reports/r-x' purpose: REVEAL_PURPOSE_LEGAL reason: '地点不明，需要回访'}",
                 "10:10", kRegistrar),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"granted by a second person, for a day", Given(Reported(), Asked()),
            When("decide_reveal {name: 'reveals/$2' grant: true}", "10:20", kOfficer),
            Then("reveal_decided {status: REVEAL_STATUS_GRANTED decided_by: 'security-01' "
                 "decided_at {seconds: 1794968400} expires_at {seconds: 1795054800}}",
                 kLink, "audit_chain_advanced {number: 2}")},
        Row{"denied with a note", Given(Reported(), Asked()),
            When("decide_reveal {name: 'reveals/$2' note: '可以现场核实'}", "10:20", kOfficer),
            Then("reveal_decided {status: REVEAL_STATUS_DENIED}", kLink, "audit_chain_advanced {number: 2}")},
        Row{"not denied without one", Given(Reported(), Asked()),
            When("decide_reveal {name: 'reveals/$2'}", "10:20", kOfficer), Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"never by who asked", Given(Reported(), Asked()),
            When("decide_reveal {name: 'reveals/$2' grant: true}", "10:20",
                 {.subject = "registrar-01", .posts = Posts({"SECURITY_OFFICER"})}),
            Refused(v1::REASON_SECOND_PERSON_NEEDED)},
        Row{"once", Given(Reported(), Asked(), Denied()),
            When("decide_reveal {name: 'reveals/$2' grant: true}", "10:30", kOfficer),
            Refused(v1::REASON_REVEAL_DECIDED)},
        Row{"by an old etag", Given(Reported(), Asked(), Granted()),
            When("decide_reveal {name: 'reveals/$2' grant: true etag: 'v1'}", "10:30", kOfficer),
            Refused(v1::REASON_ETAG_MISMATCH)},
        Row{"read by who asked, and recorded", Given(Reported(), Asked(), Granted()), When(kRead, "10:30", kRegistrar),
            Then("reveal_read {}", kLink, "audit_chain_advanced {number: 3}")},
        Row{"read again, recorded again", Given(Reported(), Asked(), Granted(), Did(kRead, "10:30", kRegistrar)),
            When(kRead, "10:31", kRegistrar), Then("reveal_read {}", kLink, "audit_chain_advanced {number: 4}")},
        Row{"not before it is granted", Given(Reported(), Asked()), When(kRead, "10:30", kRegistrar),
            Refused(v1::REASON_REVEAL_NOT_GRANTED)},
        Row{"nor when it is denied", Given(Reported(), Asked(), Denied()), When(kRead, "10:30", kRegistrar),
            Refused(v1::REASON_REVEAL_NOT_GRANTED)},
        Row{"to the last moment", Given(Reported(), Asked(), Granted()), When(kRead, "2026-11-19 10:19:59", kRegistrar),
            Then("reveal_read {}", kLink, "audit_chain_advanced {number: 3}")},
        Row{"and not after it", Given(Reported(), Asked(), Granted()), When(kRead, "2026-11-19 10:20", kRegistrar),
            Refused(v1::REASON_REVEAL_NOT_GRANTED)},
        Row{"a colleague finds no such request", Given(Reported(), Asked(), Granted()),
            When(kRead, "10:30", kOtherRegistrar), Refused(v1::REASON_REVEAL_NOT_FOUND)}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    OwnData, RevealsTest,
    testing::Values(
        Row{"a copy is recorded", Given(), When("caller_token: 'p-u1' copy_personal_data {}", "10:00", kCitizen),
            Then(kLink, "audit_chain_advanced {number: 1}")},
        Row{"a person is erased by the person", Given(Reported()),
            When("caller_token: 'p-u1' erase_personal_data {person_token: 'p-u1'}", "10:30", kCitizen),
            Then("personal_data_erased {person_token: 'p-u1' report: ''}", kLink, "audit_chain_advanced {number: 1}")},
        Row{"not by somebody else", Given(Reported()),
            When("caller_token: 'p-u2' erase_personal_data {person_token: 'p-u1'}", "10:30", kOther),
            Refused(v1::REASON_BEHALF_NOT_YOURS)},
        Row{"but by a security officer who says on whose word", Given(Reported()),
            When("caller_token: 'p-s' erase_personal_data {person_token: 'p-u1' reason: '本人书面申请，编号2026-17'}",
                 "10:30", kOfficer),
            Then("personal_data_erased {person_token: 'p-u1'}", kLink, "audit_chain_advanced {}")},
        Row{"and not without", Given(Reported()),
            When("caller_token: 'p-s' erase_personal_data {person_token: 'p-u1'}", "10:30", kOfficer),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"an anonymous report by its code", Given(ReportedAnonymously()),
            When("erase_personal_data {report: 'reports/$1' " + kCode + "}", "10:30", kNobody),
            Then("personal_data_erased {person_token: '' report: 'reports/$1'}", kLink, "audit_chain_advanced {}")},
        Row{"and not by another", Given(ReportedAnonymously()),
            When(absl::StrCat("erase_personal_data {report: 'reports/$1' tracking_hash: '", Hash('d'), "'}"), "10:30",
                 kNobody),
            Refused(v1::REASON_REPORT_NOT_FOUND)},
        Row{"one that is not anonymous has no code", Given(Reported()),
            When("erase_personal_data {report: 'reports/$1'}", "10:30", kNobody),
            Refused(v1::REASON_REPORT_NOT_FOUND)}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    SealedReports, RevealsTest,
    testing::Values(
        Row{"against staff: sealed, and nothing else", Given(),
            When(absl::StrCat("submit_sealed_report {content {ciphertext: 'x' key_id: 'k'} ", kCode, "}"), "10:00",
                 kNobody),
            Then("sealed_report_submitted {name: 'sealedReports/$1' content {ciphertext: 'x'}}")},
        Row{"without a code nobody could come back", Given(),
            When("submit_sealed_report {content {ciphertext: 'x' key_id: 'k'}}", "10:00", kNobody),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"reading it is recorded, and changes nothing", Given(Sealed()),
            When("read_sealed_report {name: 'sealedReports/$1'}", "10:10", kDiscipline),
            Then(kLink, "audit_chain_advanced {number: 1}")},
        Row{"taken up", Given(Sealed()),
            When("answer_sealed_report {name: 'sealedReports/$1' status: SEALED_REPORT_STATUS_IN_REVIEW}", "10:10",
                 kDiscipline),
            Then("sealed_report_answered {status: SEALED_REPORT_STATUS_IN_REVIEW}", kLink, "audit_chain_advanced {}")},
        Row{"ended with an answer", Given(Sealed()),
            When("answer_sealed_report {name: 'sealedReports/$1' status: SEALED_REPORT_STATUS_ENDED answer "
                 "{ciphertext: 'a'}}",
                 "10:10", kDiscipline),
            Then("sealed_report_answered {status: SEALED_REPORT_STATUS_ENDED}", kLink, "audit_chain_advanced {}")},
        Row{"not without one", Given(Sealed()),
            When("answer_sealed_report {name: 'sealedReports/$1' status: SEALED_REPORT_STATUS_ENDED}", "10:10",
                 kDiscipline),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"nor back to received", Given(Sealed()),
            When("answer_sealed_report {name: 'sealedReports/$1' status: SEALED_REPORT_STATUS_RECEIVED}", "10:10",
                 kDiscipline),
            Refused(v1::REASON_INVALID_ARGUMENT)},
        Row{"once ended it stays so",
            Given(Sealed(), Did("answer_sealed_report {name: 'sealedReports/$1' status: SEALED_REPORT_STATUS_ENDED "
                                "answer {ciphertext: 'a'}}",
                                "10:10", kDiscipline)),
            When("answer_sealed_report {name: 'sealedReports/$1' status: SEALED_REPORT_STATUS_IN_REVIEW}", "10:20",
                 kDiscipline),
            Refused(v1::REASON_SEALED_REPORT_ENDED)},
        Row{"erased by its code", Given(Sealed()),
            When("erase_personal_data {report: 'sealedReports/$1' " + kCode + "}", "10:30", kNobody),
            Then("personal_data_erased {report: 'sealedReports/$1'}", kLink, "audit_chain_advanced {}")}),
    Name);

// What each step published, by type.
std::vector<std::string> PublishedBy(const Steps& steps) {
  References none;
  Shard shard(MakeShard(0), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &none);
  std::vector<std::string> types;
  for (const Step& step : steps)
    for (const std::string& text : shard.Run(step).events) {
      v1::JournalEvent event;
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
      const auto facts = shard.machine().Publish({}, event.SerializeAsString());
      if (facts.ok())
        for (const PublicEvent& fact : *facts) types.push_back(fact.type);
    }
  return types;
}

TEST(PublicFactsTest, OfWhoIsBehindWhatNothingIsPublicButThatSomebodyWasErased) {
  EXPECT_EQ(PublishedBy(Given(Sealed(), Did("read_sealed_report {name: 'sealedReports/$1'}", "10:10", kDiscipline),
                              Did("erase_personal_data {report: 'sealedReports/$1' " + kCode + "}", "10:30", kNobody))),
            std::vector<std::string>());
  EXPECT_EQ(
      PublishedBy(Given(Reported(), Asked(), Granted(), Did(kRead, "10:30", kRegistrar),
                        Did("caller_token: 'p-u1' erase_personal_data {person_token: 'p-u1'}", "11:00", kCitizen))),
      (std::vector<std::string>{"civicmesh.intake.v1.ReportSubmitted", "civicmesh.intake.v1.PersonalDataErased"}));
}

// An auditor who has only the entries.
TEST(AuditChainTest, EachEntryCarriesTheHashOfTheOneBefore) {
  References none;
  Shard shard(MakeShard(3), v1::JournalEvent::default_instance(), v1::Command::default_instance(), &none, 3);
  std::vector<v1::AuditEntryRecorded> chain;
  for (const Step& step : Given(Reported(), Asked(), Granted(), Did(kRead, "10:30", kRegistrar)))
    for (const std::string& text : shard.Run(step).events) {
      v1::JournalEvent event;
      ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
      if (event.has_audit_entry_recorded()) chain.push_back(event.audit_entry_recorded());
    }
  ASSERT_EQ(chain.size(), 3u);
  std::string previous = FirstAuditHash();
  int64_t number = 0;
  for (const auto& link : chain) {
    const v1::AuditEntry entry = AuditEntryOf(link);
    EXPECT_EQ(entry.number(), ++number);
    EXPECT_EQ(entry.shard(), 3);
    EXPECT_EQ(link.previous_sha256(), previous);
    EXPECT_EQ(link.sha256(), AuditHash(previous, link.entry()));
    previous = link.sha256();
  }
  EXPECT_EQ(AuditEntryOf(chain[2]).action(), v1::AUDIT_ACTION_REPORTER_READ);
  EXPECT_EQ(AuditEntryOf(chain[2]).actor(), "registrar-01");
  EXPECT_EQ(AuditEntryOf(chain[2]).person_token(), "p-u1");
  auto changed = chain[1];
  changed.mutable_entry()->back() ^= 1;
  EXPECT_NE(AuditHash(changed.previous_sha256(), changed.entry()), changed.sha256());
}

}  // namespace
}  // namespace civicmesh::intake
