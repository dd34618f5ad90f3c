// The vault's handlers over a whole service on the in-memory twins: who learns what, and what is left behind.
#include "services/intake/vault_rpc.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/intake/v1/intake_service.grpc.pb.h"
#include "civicmesh/intake/v1/vault_service.grpc.pb.h"
#include "services/intake/domain/audit.h"
#include "services/intake/intake_for_tests.h"
#include "services/intake/intake_reference.h"
#include "services/intake/intake_rpc.h"
#include "services/intake/tracking_code.h"
#include "services/intake/vault/key_ring.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"
#include "services/runtime/decider/posts_for_tests.h"
#include "services/runtime/rpc/access_for_tests.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/fields_for_tests.h"
#include "services/runtime/rpc/service_for_tests.h"
#include "services/runtime/shard/actor_record.h"

namespace civicmesh::intake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const ActorView kCitizen{.subject = "u1", .posts = Posts({"CITIZEN"})};
const ActorView kOther{.subject = "u2", .posts = Posts({"CITIZEN"})};
const ActorView kNobody;
const ActorView kRegistrar{.subject = "registrar-01", .posts = Posts({"REGISTRAR"})};
const ActorView kColleague{.subject = "registrar-02", .posts = Posts({"REGISTRAR"})};
const ActorView kHotline{.subject = "gateway-12345", .posts = Posts({"GATEWAY"})};
const ActorView kOfficer{.subject = "security-01", .posts = Posts({"SECURITY_OFFICER"})};
const ActorView kAuditor{.subject = "auditor-01", .posts = Posts({"AUDITOR"})};
const ActorView kDiscipline{.subject = "discipline-01", .posts = Posts({"DISCIPLINE_OFFICER"})};

constexpr char kText[] = "垃圾桶满了没人收，回电13800000058";
constexpr char kMasked[] = "垃圾桶满了没人收，回电【手机号】";
constexpr char kWholeReport[] =
    "text: '垃圾桶满了没人收，回电13800000058' place_text: '13幢' location {latitude: 30.3 longitude: 119.97} "
    "contact {name: '史无名' phone: '139 0000 0059'} ";

std::string Sample(const char* file, google::protobuf::Message& message) {
  std::ifstream in(std::string(CIVICMESH_SOURCE_DIR "/deploy/sample/") + file);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text.str(), &message).ok()) << file;
  return message.SerializeAsString();
}

class VaultRpcTest : public testing::Test {
 protected:
  using Stub = v1::VaultService::Stub;
  void SetUp() override {
    reference::v1::Standard standard;
    reference::v1::District district;
    service_.LoadReference(kStandard, Sample("standard.json", standard));
    service_.LoadReference(kDistrict, Sample("district.json", district));
    service_.Quiesce();
  }

  template <typename Request>
  Request Make(const std::string& text) {
    Request request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    const auto* field = Request::descriptor()->FindFieldByName("request_id");
    if (field && request.GetReflection()->GetString(request, field).empty())
      request.GetReflection()->SetString(&request, field, service_.NewRequestId());
    return request;
  }
  template <typename Request, typename Response>
  std::string Call(const ActorView& actor, grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                   const std::string& text, Response* response, const std::string& time = "10:00") {
    auto stub = v1::VaultService::NewStub(service_.Channel());
    auto context = service_.As(actor, "2026-11-18T" + time + ":00+08:00");
    response->Clear();
    const auto status = (stub.get()->*rpc)(context.get(), Make<Request>(text), response);
    return status.ok() ? "" : ReasonOf(status);
  }
  v1::Report Submit(const ActorView& actor, const std::string& more = "") {
    v1::Report report;
    auto stub = v1::IntakeService::NewStub(service_.Channel());
    auto context = service_.As(actor, "2026-11-18T10:00:00+08:00");
    const auto status = stub->SubmitReport(context.get(), Make<v1::SubmitReportRequest>(kWholeReport + more), &report);
    EXPECT_TRUE(status.ok()) << ReasonOf(status);
    return report;
  }
  v1::Report Get(const ActorView& actor, const v1::Report& of) {
    v1::Report report;
    auto stub = v1::IntakeService::NewStub(service_.Channel());
    auto context = service_.As(actor, "2026-11-18T10:00:00+08:00");
    v1::GetReportRequest request;
    request.set_name(of.name());
    request.set_tracking_code(of.tracking_code());
    EXPECT_TRUE(stub->GetReport(context.get(), request, &report).ok());
    return report;
  }
  v1::Reveal Ask(const std::string& report, const ActorView& actor = kRegistrar) {
    v1::Reveal reveal;
    EXPECT_EQ(
        Call(actor, &Stub::RequestReveal,
             absl::StrCat("report: '", report, "' purpose: REVEAL_PURPOSE_CALL_BACK reason: '地点不明，需要回访'"),
             &reveal),
        "");
    return reveal;
  }
  void Grant(const v1::Reveal& reveal) {
    v1::Reveal granted;
    EXPECT_EQ(Call(kOfficer, &Stub::DecideReveal, absl::StrCat("name: '", reveal.name(), "' grant: true"), &granted),
              "");
    EXPECT_EQ(granted.status(), v1::REVEAL_STATUS_GRANTED);
  }
  // Chain by chain.
  std::vector<v1::AuditEntry> Audit() {
    v1::ListAuditEntriesResponse page;
    EXPECT_EQ(Call(kAuditor, &Stub::ListAuditEntries, "page_size: 200", &page), "");
    std::vector<v1::AuditEntry> entries(page.audit_entries().begin(), page.audit_entries().end());
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return std::pair(a.shard(), a.number()) < std::pair(b.shard(), b.number());
    });
    return entries;
  }
  std::vector<v1::AuditAction> Audited() {
    std::vector<v1::AuditAction> actions;
    for (const auto& entry : Audit()) actions.push_back(entry.action());
    return actions;
  }

  // By its code.
  v1::Erasure Erase(const v1::SealedReport& report) {
    v1::Erasure erasure;
    EXPECT_EQ(Call(kNobody, &Stub::ErasePersonalData,
                   absl::StrCat("understood: true report: '", report.name(), "' tracking_code: '",
                                report.tracking_code(), "'"),
                   &erasure),
              "");
    return erasure;
  }
  // A command that a handler has appended, and then died.
  void Append(int shard, const ActorView& actor, const v1::Command& command) {
    log::v1::Command out;
    out.set_kind(log::v1::Command::KIND_REQUEST);
    out.set_command_id(Sha256(service_.NewRequestId()));
    out.set_issued_at_ms(Clock::Real()->wall_ms());
    WriteActor(actor, out.mutable_actor());
    out.set_payload(command.SerializeAsString());
    auto appender = service_.journal().NewAppender();
    ASSERT_TRUE(appender->Append({Topic::kInbox, shard}, Frame(out.SerializeAsString()), {}).ok());
  }

  IntakeForTests intake_for_tests_;
  ServiceForTests service_{intake_for_tests_.Spec([this](const ServiceContext& s, std::shared_ptr<Vault> vault) {
    return std::vector{MakeIntakeRpc(s, vault, *intake_for_tests_.city_key, intake_for_tests_.receipts),
                       MakeVaultRpc(s, vault, *intake_for_tests_.city_key)};
  })};
};

TEST_F(VaultRpcTest, WhoIsBehindAReportIsShownToWhoAskedOnceASecondPersonAgrees) {
  const v1::Report report = Submit(kCitizen);
  const v1::Reveal reveal = Ask(report.name());
  EXPECT_EQ(reveal.status(), v1::REVEAL_STATUS_PENDING);
  v1::RevealedReporter shown;
  const std::string read = absl::StrCat("name: '", reveal.name(), "'");
  EXPECT_EQ(Call(kRegistrar, &Stub::ReadRevealed, read, &shown), "REASON_REVEAL_NOT_GRANTED");
  v1::ListRevealsResponse waiting;
  EXPECT_EQ(Call(kOfficer, &Stub::ListReveals, "", &waiting), "");
  ASSERT_THAT(waiting.reveals(), SizeIs(1));
  EXPECT_EQ(waiting.reveals(0).name(), reveal.name());
  Grant(reveal);
  EXPECT_EQ(Call(kColleague, &Stub::ReadRevealed, read, &shown), "REASON_REVEAL_NOT_FOUND");
  EXPECT_EQ(shown.text(), "");
  ASSERT_EQ(Call(kRegistrar, &Stub::ReadRevealed, read, &shown), "");
  EXPECT_EQ(shown.contact().phone(), "139 0000 0059");
  EXPECT_EQ(shown.text(), kText);
  EXPECT_EQ(shown.place_text(), "13幢");
  EXPECT_THAT(Audited(), ElementsAre(v1::AUDIT_ACTION_REVEAL_REQUESTED, v1::AUDIT_ACTION_REVEAL_GRANTED,
                                     v1::AUDIT_ACTION_REPORTER_READ));
  EXPECT_EQ(Call(kOfficer, &Stub::ListReveals, "", &waiting), "");
  EXPECT_THAT(waiting.reveals(), IsEmpty());
  EXPECT_EQ(Call(kRegistrar, &Stub::ListReveals, "", &waiting), "");
  ASSERT_THAT(waiting.reveals(), SizeIs(1));
  EXPECT_EQ(waiting.reveals(0).readings(), 1);
  // The next day it is over.
  EXPECT_EQ(Call(kRegistrar, &Stub::ReadRevealed, read, &shown, "23:59"), "");
  auto context = service_.As(kRegistrar, "2026-11-19T10:00:01+08:00");
  EXPECT_EQ(ReasonOf(v1::VaultService::NewStub(service_.Channel())
                         ->ReadRevealed(context.get(), Make<v1::ReadRevealedRequest>(read), &shown)),
            "REASON_REVEAL_NOT_GRANTED");
}

TEST_F(VaultRpcTest, ReasonsHoldNoPersonalData) {
  v1::Reveal reveal;
  EXPECT_EQ(Call(kRegistrar, &Stub::RequestReveal,
                 absl::StrCat("report: '", Submit(kCitizen).name(),
                              "' purpose: REVEAL_PURPOSE_LEGAL reason: '请查13800000058是谁'"),
                 &reveal),
            "REASON_PERSONAL_DATA_IN_REFERENCE");
}

TEST_F(VaultRpcTest, APersonHasACopyAndSeesWhoWasShownIt) {
  const v1::Report first = Submit(kCitizen), second = Submit(kCitizen, "reported_at {seconds: 1700000000}");
  Submit(kOther);
  Grant(Ask(first.name()));
  v1::PersonalData copy;
  ASSERT_EQ(Call(kCitizen, &Stub::CopyPersonalData, "", &copy), "");
  EXPECT_EQ(copy.person_token(), service_.persons().Of("u1"));
  ASSERT_THAT(copy.reports(), SizeIs(2));
  EXPECT_EQ(copy.reports(0).report().name(), first.name());
  EXPECT_EQ(copy.reports(0).report().text(), kText);
  EXPECT_EQ(copy.reports(0).contact().name(), "史无名");
  ASSERT_THAT(copy.reports(0).reveals(), SizeIs(1));
  EXPECT_EQ(copy.reports(0).reveals(0).requested_by(), "registrar-01");
  EXPECT_THAT(copy.reports(1).reveals(), IsEmpty());
  EXPECT_EQ(copy.reports(1).report().name(), second.name());
  EXPECT_THAT(Audited(), testing::Contains(v1::AUDIT_ACTION_COPIED));
}

TEST_F(VaultRpcTest, ACopyNamesMoreReadersThanOnePageOfThemHolds) {
  const v1::Report first = Submit(kCitizen);
  Ask(first.name());
  const v1::Report second = Submit(kCitizen);
  for (int i = 0; i < 200; ++i) Ask(second.name());
  v1::PersonalData copy;
  ASSERT_EQ(Call(kCitizen, &Stub::CopyPersonalData, "", &copy), "");
  ASSERT_THAT(copy.reports(), SizeIs(2));
  EXPECT_EQ(copy.reports(0).reveals_size() + copy.reports(1).reveals_size(), 201);
}

TEST_F(VaultRpcTest, AfterErasureNobodyReadsItAndNoKeyIsLeft) {
  const v1::Report report = Submit(kCitizen);
  const std::string owner = service_.persons().Of("u1");
  EXPECT_THAT(service_.keys().AllBytes(), HasSubstr("k/" + owner));
  const v1::Reveal reveal = Ask(report.name());
  Grant(reveal);
  v1::Erasure erasure;
  EXPECT_EQ(Call(kCitizen, &Stub::ErasePersonalData, "", &erasure), "REASON_NOT_UNDERSTOOD");
  const std::string id = service_.NewRequestId();
  const std::string erase = absl::StrCat("understood: true request_id: '", id, "'");
  ASSERT_EQ(Call(kCitizen, &Stub::ErasePersonalData, erase, &erasure), "");
  EXPECT_EQ(erasure.keys_destroyed(), 1);
  ASSERT_EQ(Call(kCitizen, &Stub::ErasePersonalData, erase, &erasure), "");
  EXPECT_EQ(erasure.keys_destroyed(), 0);
  service_.keys().Compact();
  EXPECT_THAT(service_.keys().AllBytes(), Not(HasSubstr("k/" + owner)));

  const v1::Report read = Get(kCitizen, report);
  EXPECT_TRUE(read.erased());
  EXPECT_EQ(read.text(), kMasked);
  v1::RevealedReporter shown;
  ASSERT_EQ(Call(kRegistrar, &Stub::ReadRevealed, absl::StrCat("name: '", reveal.name(), "'"), &shown), "");
  EXPECT_TRUE(shown.erased());
  EXPECT_EQ(shown.text(), "");
  EXPECT_EQ(shown.contact().name(), "");

  // Who comes back begins anew, also after a restart.
  service_.Restart(/*wipe=*/true);
  EXPECT_EQ(Get(kCitizen, Submit(kCitizen)).text(), kText);
  EXPECT_TRUE(Get(kCitizen, report).erased());
  EXPECT_EQ(Get(kOther, Submit(kOther)).text(), kText);
}

// The decision stands, and whoever would have destroyed the key does not come to it.
TEST_F(VaultRpcTest, AnErasureThatWasBrokenOffIsSeenThrough) {
  const v1::Report report = Submit(kCitizen), other = Submit(kOther);
  v1::Command command;
  const std::string owner = service_.persons().Of("u1");
  command.set_caller_token(owner);
  auto& erase = *command.mutable_erase_personal_data();
  erase.set_person_token(owner);
  for (const std::string& id : intake_for_tests_.vault()->KeyIdsOf(owner)) erase.add_key_ids(id);
  ASSERT_EQ(erase.key_ids_size(), 1);
  Append(ShardOf(owner, service_.shards()), kCitizen, command);
  service_.Quiesce();
  EXPECT_THAT(Audited(), testing::Contains(v1::AUDIT_ACTION_ERASED));
  EXPECT_TRUE(Get(kCitizen, report).erased());
  EXPECT_EQ(Get(kOther, other).text(), kText);
  service_.keys().Compact();
  EXPECT_THAT(service_.keys().AllBytes(), Not(HasSubstr("k/" + owner)));

  // Read again, as a policy may, it leaves alone who has come back.
  const v1::Report back = Submit(kCitizen);
  EXPECT_TRUE(intake_for_tests_.vault()->SeeThrough(owner, {erase.key_ids(0)}).ok());
  EXPECT_EQ(Get(kCitizen, back).text(), kText);
}

TEST_F(VaultRpcTest, AnAnonymousReportIsErasedByItsCodeAndNothingElseIs) {
  const v1::Report one = Submit(kNobody, "anonymous: true"), two = Submit(kNobody, "anonymous: true");
  const auto erase = [&](const ActorView& actor, const std::string& name, const std::string& code) {
    v1::Erasure erasure;
    return Call(actor, &Stub::ErasePersonalData,
                absl::StrCat("understood: true report: '", name, "' tracking_code: '", code, "'"), &erasure);
  };
  EXPECT_EQ(erase(kNobody, one.name(), two.tracking_code()), "REASON_REPORT_NOT_FOUND");
  EXPECT_EQ(erase(kCitizen, one.name(), ""), "REASON_REPORT_NOT_FOUND");
  EXPECT_EQ(erase(kNobody, "", ""), "REASON_REPORT_NOT_FOUND");
  EXPECT_EQ(erase(kNobody, one.name(), one.tracking_code()), "");
  EXPECT_TRUE(Get(kNobody, one).erased());
  EXPECT_EQ(Get(kNobody, one).text(), kMasked);
  EXPECT_EQ(Get(kNobody, two).text(), kText);
}

TEST_F(VaultRpcTest, ASecurityOfficerErasesOnAPersonsWord) {
  const v1::Report report = Submit(kHotline, "source: REPORT_SOURCE_HOTLINE_12345 reporter_reference: 'u1'");
  EXPECT_EQ(Get(kCitizen, report).text(), kText);
  v1::Erasure erasure;
  EXPECT_EQ(Call(kCitizen, &Stub::ErasePersonalData, "understood: true reporter_reference: 'u2'", &erasure),
            "REASON_BEHALF_NOT_YOURS");
  EXPECT_EQ(Call(kOfficer, &Stub::ErasePersonalData, "understood: true reporter_reference: 'u1'", &erasure),
            "REASON_INVALID_ARGUMENT");
  EXPECT_EQ(Call(kOfficer, &Stub::ErasePersonalData,
                 "understood: true reporter_reference: 'u1' reason: '本人书面申请，编号2026-17'", &erasure),
            "");
  EXPECT_EQ(erasure.keys_destroyed(), 1);
  EXPECT_TRUE(Get(kCitizen, report).erased());
}

TEST_F(VaultRpcTest, AReportAgainstStaffIsReadByTheDisciplineChannelAlone) {
  const ActorView shy{.subject = "very-own-subject", .posts = Posts({"UNIT_WORKER"})};
  v1::SealedReport report, read;
  ASSERT_EQ(Call(shy, &Stub::SubmitSealedReport,
                 "text: '队长收了摊贩的钱' about: '三队队长' contact {phone: '13900000059'}", &report),
            "");
  EXPECT_EQ(report.text(), "队长收了摊贩的钱");
  EXPECT_EQ(report.status_zh(), "已收到");
  const std::string name = absl::StrCat("name: '", report.name(), "'");
  for (const ActorView& actor : {kRegistrar, kOfficer, kAuditor, kHotline, kCitizen}) {
    v1::ListSealedReportsResponse list;
    EXPECT_EQ(Call(actor, &Stub::ReadSealedReport, name, &read), "REASON_PERMISSION_DENIED") << actor.subject;
    EXPECT_EQ(Call(actor, &Stub::ListSealedReports, "", &list), "REASON_PERMISSION_DENIED") << actor.subject;
  }
  v1::ListSealedReportsResponse list;
  ASSERT_EQ(Call(kDiscipline, &Stub::ListSealedReports, "", &list), "");
  ASSERT_THAT(list.sealed_reports(), SizeIs(1));
  EXPECT_EQ(list.sealed_reports(0).text(), "");
  EXPECT_THAT(Audit(), IsEmpty());
  ASSERT_EQ(Call(kDiscipline, &Stub::ReadSealedReport, name, &read), "");
  EXPECT_EQ(read.text(), "队长收了摊贩的钱");
  EXPECT_EQ(read.contact().phone(), "13900000059");
  ASSERT_EQ(Call(kDiscipline, &Stub::AnswerSealedReport,
                 name + " status: SEALED_REPORT_STATUS_ENDED answer: '已核实并处理'", &read),
            "");
  EXPECT_EQ(Call(kNobody, &Stub::GetSealedReport, name, &read), "REASON_NOT_FOUND");
  ASSERT_EQ(Call(kNobody, &Stub::GetSealedReport, absl::StrCat(name, " tracking_code: '", report.tracking_code(), "'"),
                 &read),
            "");
  EXPECT_EQ(read.answer(), "已核实并处理");
  EXPECT_EQ(read.status(), v1::SEALED_REPORT_STATUS_ENDED);
  EXPECT_THAT(Audited(), ElementsAre(v1::AUDIT_ACTION_SEALED_REPORT_READ, v1::AUDIT_ACTION_SEALED_REPORT_ANSWERED));

  const std::string bytes = service_.AllBytes() + service_.keys().AllBytes();
  for (const std::string& secret : {std::string("队长"), std::string("已核实并处理"), std::string("13900000059"),
                                    shy.subject, service_.persons().Of(shy.subject), report.tracking_code()})
    EXPECT_THAT(bytes, Not(HasSubstr(secret)));

  Erase(report);
  ASSERT_EQ(Call(kDiscipline, &Stub::ReadSealedReport, name, &read), "");
  EXPECT_TRUE(read.erased());
  EXPECT_EQ(read.text(), "");
}

// No public fact tells of it, so its key waits for a retry; nobody reads it until then.
TEST_F(VaultRpcTest, AnErasureOfAReportAgainstStaffThatWasBrokenOffShowsNothing) {
  v1::SealedReport report, read;
  ASSERT_EQ(Call(kNobody, &Stub::SubmitSealedReport, "text: '队长收了摊贩的钱'", &report), "");
  const std::string name = absl::StrCat("name: '", report.name(), "'");
  const std::string with_code = absl::StrCat(name, " tracking_code: '", report.tracking_code(), "'");
  v1::Command command;
  command.mutable_erase_personal_data()->set_report(report.name());
  command.mutable_erase_personal_data()->set_tracking_hash(HashOfTrackingCode(report.tracking_code()));
  Append(*ShardOfId("sr", report.name().substr(report.name().find('/') + 1)), {}, command);
  service_.Quiesce();
  ASSERT_EQ(Call(kDiscipline, &Stub::ReadSealedReport, name, &read), "");
  EXPECT_TRUE(read.erased());
  EXPECT_EQ(read.text(), "");

  ASSERT_EQ(Call(kDiscipline, &Stub::AnswerSealedReport, name + " status: SEALED_REPORT_STATUS_ENDED answer: '已了解'",
                 &read),
            "");
  ASSERT_EQ(Call(kNobody, &Stub::GetSealedReport, with_code, &read), "");
  EXPECT_EQ(read.answer(), "已了解");
  EXPECT_EQ(read.text(), "");

  EXPECT_EQ(Erase(report).keys_destroyed(), 1);
  ASSERT_EQ(Call(kNobody, &Stub::GetSealedReport, with_code, &read), "");
  EXPECT_EQ(read.answer(), "");
}

TEST_F(VaultRpcTest, ARetryIsTheSameReadingAndTheSameCode) {
  v1::SealedReport one, two;
  const std::string submit = absl::StrCat("text: '有人收钱' request_id: '", service_.NewRequestId(), "'");
  ASSERT_EQ(Call(kNobody, &Stub::SubmitSealedReport, submit, &one), "");
  ASSERT_EQ(Call(kNobody, &Stub::SubmitSealedReport, submit, &two), "");
  EXPECT_EQ(one.SerializeAsString(), two.SerializeAsString());
  const std::string read = absl::StrCat("name: '", one.name(), "' request_id: '", service_.NewRequestId(), "'");
  ASSERT_EQ(Call(kDiscipline, &Stub::ReadSealedReport, read, &two), "");
  ASSERT_EQ(Call(kDiscipline, &Stub::ReadSealedReport, read, &two), "");
  EXPECT_THAT(Audit(), SizeIs(1));
}

TEST_F(VaultRpcTest, TheAuditChainsHoldAndTheirPagesAreBounded) {
  for (int i = 0; i < 6; ++i) Grant(Ask(Submit(kCitizen).name()));
  std::map<int, std::string> ends;
  std::map<int, int64_t> numbers;
  for (const v1::AuditEntry& entry : Audit()) {
    v1::AuditEntry hashed = entry;
    hashed.clear_previous_sha256();
    hashed.clear_sha256();
    const std::string previous = ends.count(entry.shard()) ? ends[entry.shard()] : FirstAuditHash();
    EXPECT_EQ(entry.previous_sha256(), previous);
    EXPECT_EQ(entry.sha256(), AuditHash(previous, hashed.SerializeAsString()));
    EXPECT_EQ(entry.number(), ++numbers[entry.shard()]);
    ends[entry.shard()] = entry.sha256();
  }
  EXPECT_EQ(numbers[0] + numbers[1], 12);
  v1::ListAuditEntriesResponse page;
  ASSERT_EQ(Call(kAuditor, &Stub::ListAuditEntries, "page_size: 5", &page), "");
  EXPECT_THAT(page.audit_entries(), SizeIs(5));
  EXPECT_NE(page.next_page_token(), "");
  ASSERT_EQ(Call(kAuditor, &Stub::ListAuditEntries, "to {seconds: 1794967200}", &page), "");
  EXPECT_THAT(page.audit_entries(), IsEmpty());
}

// Nothing personal is shown that cannot be recorded.
TEST_F(VaultRpcTest, WhileNothingIsDecidedNothingIsRevealed) {
  const v1::Reveal reveal = Ask(Submit(kCitizen).name());
  Grant(reveal);
  service_.Pause();
  v1::RevealedReporter shown;
  EXPECT_NE(Call(kRegistrar, &Stub::ReadRevealed, absl::StrCat("name: '", reveal.name(), "'"), &shown), "");
  EXPECT_EQ(shown.text(), "");
  service_.Resume();
}

TEST_F(VaultRpcTest, OnlyPostsThatAnRpcNamesMayCallIt) {
  EXPECT_THAT(WrongAnswersToPosts(service_, "civicmesh.intake.v1.VaultService"), IsEmpty());
}

TEST_F(VaultRpcTest, AnothersRevealIsAnsweredAsOneThatIsNotThere) {
  const auto* method = v1::RequestRevealRequest::descriptor()->file()->service(0)->FindMethodByName("ReadRevealed");
  const std::string report = Submit(kCitizen).name();
  for (const std::string& post : PostsWithScope(*method, Scope::kOwn)) {
    const ActorView actor{.subject = "someone-" + post, .posts = {{.role = post, .unit = "", .area = ""}}};
    const v1::Reveal within = Ask(report, actor), beyond = Ask(report, kColleague);
    Grant(within);
    Grant(beyond);
    std::string nowhere = within.name();
    nowhere.back() = nowhere.back() == 'a' ? 'b' : 'a';
    EXPECT_EQ(
        WrongAnswersToObjects(
            service_, {.method = method,
                       .actor = actor,
                       .time = "2026-11-18T10:00:00+08:00",
                       .request = [&](const std::string& name) { return RequestFor(service_, *method, "", name); },
                       .within = within.name(),
                       .beyond = beyond.name(),
                       .nowhere = nowhere}),
        "");
  }
}

// What may stand in the fields of the vault's requests (proto/civicmesh/intake/v1/vault_service.proto).
const FieldRules kRules = {
    {"RequestRevealRequest.report", Name()},
    {"RequestRevealRequest.purpose", Value()},
    {"RequestRevealRequest.reason", Words(200)},
    {"DecideRevealRequest.name", Name()},
    {"DecideRevealRequest.grant", Flag()},
    {"DecideRevealRequest.note", Words(200)},
    {"ReadRevealedRequest.name", Name()},
    {"ErasePersonalDataRequest.understood", Flag()},
    {"ErasePersonalDataRequest.report", Name()},
    {"ErasePersonalDataRequest.tracking_code", Free("typed by people; only its digest is compared")},
    {"ErasePersonalDataRequest.reporter_reference", Only({"SECURITY_OFFICER"}, Reference())},
    {"ErasePersonalDataRequest.reason", Only({"SECURITY_OFFICER"}, Words(200))},
    {"SubmitSealedReportRequest.text", Words(2000, /*personal=*/true)},
    {"SubmitSealedReportRequest.about", Words(200, /*personal=*/true)},
    {"Contact.name", Words(50, /*personal=*/true)},
    {"Contact.phone", Words(30, /*personal=*/true)},
    {"Contact.email", Words(100, /*personal=*/true)},
    {"GetSealedReportRequest.name", Name()},
    {"GetSealedReportRequest.tracking_code", Free("typed by people; only its digest is compared")},
    {"ReadSealedReportRequest.name", Name()},
    {"AnswerSealedReportRequest.name", Name()},
    {"AnswerSealedReportRequest.status", Value()},
    {"AnswerSealedReportRequest.answer", Words(2000, /*personal=*/true)},
    {"ListAuditEntriesRequest.from", Time(/*past=*/true, /*future=*/true)},
    {"ListAuditEntriesRequest.to", Time(/*past=*/true, /*future=*/true)}};

TEST_F(VaultRpcTest, NoFieldTakesWhatNobodyShouldSend) {
  const auto* service = v1::RequestRevealRequest::descriptor()->file()->service(0);
  const auto on = [=, this](const std::string& method, const ActorView& actor, std::function<std::string()> fields,
                            std::set<std::string> unset = {}) {
    const auto* found = service->FindMethodByName(method);
    return RequestCase{method, actor, "2026-11-18T10:00:00+08:00",
                       [=, this] {
                         const std::string text = fields();
                         auto request = RequestFor(service_, *found, text, "");
                         EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(text, request.get()));
                         return request;
                       },
                       std::move(unset)};
  };
  const auto named = [](const std::string& field, const std::string& name, const std::string& more) {
    return field + ": '" + name + "' " + more;
  };
  const auto sealed = [this] {
    v1::SealedReport one;
    EXPECT_EQ(Call(kNobody, &Stub::SubmitSealedReport, "text: 'x'", &one), "");
    return one;
  };
  const auto granted = [this] {
    const v1::Reveal reveal = Ask(Submit(kCitizen).name());
    Grant(reveal);
    return reveal.name();
  };
  EXPECT_THAT(
      WrongAnswersToFields(
          service_, "civicmesh.intake.v1.VaultService", kRules,
          {on("RequestReveal", kRegistrar,
              [&] {
                return named("report", Submit(kCitizen).name(),
                             "purpose: REVEAL_PURPOSE_CALL_BACK reason: '地点不明，需要回访'");
              }),
           on("DecideReveal", kOfficer,
              [&] { return named("name", Ask(Submit(kCitizen).name()).name(), "grant: true note: '可以查阅'"); }),
           on("ListReveals", kOfficer, [] { return "page_size: 3"; }),
           on("ReadRevealed", kRegistrar, [&] { return named("name", granted(), ""); }),
           on("CopyPersonalData", kCitizen, [] { return "page_size: 3"; }),
           on("ErasePersonalData", kOfficer,
              [] { return "understood: true reporter_reference: 'caller-1' reason: '本人书面申请'"; },
              {"report", "tracking_code"}),
           on("ErasePersonalData", kNobody,
              [&] {
                const v1::Report report = Submit(kNobody, "anonymous: true");
                return named("report", report.name(),
                             "understood: true tracking_code: '" + report.tracking_code() + "'");
              },
              {"reporter_reference", "reason"}),
           on("SubmitSealedReport", kNobody,
              [] { return "text: 'x' about: 'x' contact {name: 'x' phone: '1' email: 'x'}"; }),
           on("GetSealedReport", kNobody,
              [&] {
                const v1::SealedReport one = sealed();
                return named("name", one.name(), "tracking_code: '" + one.tracking_code() + "'");
              }),
           on("ListSealedReports", kDiscipline, [] { return "page_size: 3"; }),
           on("ReadSealedReport", kDiscipline, [&] { return named("name", sealed().name(), ""); }),
           on("AnswerSealedReport", kDiscipline,
              [&] { return named("name", sealed().name(), "status: SEALED_REPORT_STATUS_IN_REVIEW answer: 'x'"); }),
           on("ListAuditEntries", kAuditor,
              [] { return "page_size: 3 from {seconds: 1794960000} to {seconds: 1795000000}"; })}),
      IsEmpty());
}

}  // namespace
}  // namespace civicmesh::intake
