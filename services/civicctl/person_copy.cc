#include "services/civicctl/person_copy.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <ostream>
#include <set>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/civicctl/copy_files.h"
#include "services/civicctl/files.h"
#include "services/civicctl/person_folder.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/uuid_v7.h"

namespace civicmesh::civicctl {
namespace {

using Json = nlohmann::ordered_json;
using type::v1::Attachment;

// Links live ten minutes: no more of them at once than are fetched by then.
constexpr int kReportPage = 10, kPage = 200;
constexpr int kAttempts = 3;

constexpr PersonPart kReports{"reports.json", "上报、补充、告知、联系方式和查阅记录",
                              "Reports with supplements, notices, contact, and who was shown them"};
constexpr PersonPart kAccount{"account.json", "积分账户", "Account of points"};
constexpr PersonPart kTransactions{"transactions.json", "积分明细", "Transactions of the account"};
constexpr PersonPart kRedemptions{"redemptions.json", "积分兑换", "Redemptions"};
constexpr PersonPart kServiceRecords{"service_records.json", "志愿服务记录", "Volunteers' service records"};

std::string NewRequestId(absl::Time now) {
  absl::BitGen random;
  return UuidV7(absl::ToUnixMillis(now), absl::Uniform<uint64_t>(random), absl::Uniform<uint64_t>(random));
}

std::vector<Attachment*> AttachmentsOf(intake::v1::Report& report) {
  std::vector<Attachment*> all;
  for (auto& one : *report.mutable_photos()) all.push_back(&one);
  for (auto& one : *report.mutable_voices()) all.push_back(&one);
  for (auto& supplement : *report.mutable_supplements())
    for (auto& one : *supplement.mutable_photos()) all.push_back(&one);
  return all;
}

// "" where it is no upload of the city's: what else stands there is not to become a path.
std::string FileOf(const Attachment& one) {
  absl::string_view upload = one.uri();
  if (!absl::ConsumePrefix(&upload, "uploads/") || upload.empty()) return "";
  for (const char c : upload)
    if (!absl::ascii_isalnum(c) && c != '-') return "";
  return absl::StrCat("files/", upload, one.length_ms() > 0 ? ".ogg" : ".jpg");
}

class Copying {
 public:
  Copying(PersonDoor& door, const FetchLink& fetch, PersonFolder& folder)
      : door_(door), fetch_(fetch), folder_(folder) {}

  absl::Status Run(std::ostream& out) {
    const absl::Time now = Clock::Real()->wall();
    for (const auto part : {&Copying::Reports, &Copying::Account, &Copying::Transactions, &Copying::Redemptions,
                            &Copying::ServiceRecords})
      if (auto copied = (this->*part)(); !copied.ok()) return copied;
    const std::string made_at = absl::FormatTime(absl::RFC3339_sec, now, absl::FixedTimeZone(8 * 3600));
    if (auto finished = folder_.Finish(made_at, person_); !finished.ok()) return finished;
    Tell(out);
    return absl::OkStatus();
  }

 private:
  // `take` hears of each page.
  template <typename Answer, typename Request>
  absl::Status Pages(const PersonPart& part, Request request, const std::function<absl::Status(Answer&)>& take) {
    Progress progress(part.en, 0);
    do {
      Answer answer;
      if (auto asked = door_.Ask(request, &answer); !asked.ok()) return asked;
      if (auto taken = take(answer); !taken.ok()) return taken;
      progress.Add(1);
      request.set_page_token(answer.next_page_token());
    } while (!request.page_token().empty());
    return absl::OkStatus();
  }

  template <typename Answer, typename Request, typename Entries>
  absl::Status List(const PersonPart& part, Request request, const Entries& (Answer::*entries_of)() const) {
    Json entries = Json::array();
    request.set_page_size(kPage);
    auto listed = Pages<Answer>(part, std::move(request), [&](Answer& page) {
      for (const auto& one : (page.*entries_of)()) entries.push_back(JsonOf(one));
      return absl::OkStatus();
    });
    return listed.ok() ? folder_.AddPart(part, entries) : listed;
  }

  absl::Status Reports() {
    Json reports = Json::array();
    intake::v1::CopyPersonalDataRequest request;
    request.set_request_id(NewRequestId(Clock::Real()->wall()));
    request.set_page_size(kReportPage);
    auto copied = Pages<intake::v1::PersonalData>(kReports, std::move(request), [&](intake::v1::PersonalData& page) {
      person_ = page.person_token();
      for (auto& one : *page.mutable_reports()) {
        if (auto files = Files(*one.mutable_report()); !files.ok()) return files;
        reports.push_back(JsonOf(one));
      }
      return absl::OkStatus();
    });
    return copied.ok() ? folder_.AddPart(kReports, reports) : copied;
  }

  absl::Status Account() {
    points::v1::GetAccountRequest request;
    request.set_name("accounts/me");
    points::v1::Account account;
    if (auto asked = door_.Ask(request, &account); !asked.ok()) return asked;
    // Else each service would answer for somebody whom the others do not know, and nobody would miss anything.
    if (account.owner_token() != person_)
      return absl::FailedPreconditionError(
          "points knows the person by another name than intake: is CIVICMESH_PERSON_KEY "
          "the same for both?");
    return folder_.AddPart(kAccount, JsonOf(account));
  }

  absl::Status Transactions() {
    points::v1::ListTransactionsRequest request;
    request.set_parent("accounts/me");
    return List(kTransactions, request, &points::v1::ListTransactionsResponse::transactions);
  }

  absl::Status Redemptions() {
    return List(kRedemptions, points::v1::ListRedemptionsRequest(), &points::v1::ListRedemptionsResponse::redemptions);
  }

  absl::Status ServiceRecords() {
    volunteering::v1::ListServiceRecordsRequest request;
    request.set_parent("activities/-");
    return List(kServiceRecords, request, &volunteering::v1::ListServiceRecordsResponse::service_records);
  }

  // What links lead to is fetched, and each link becomes the file's name.
  absl::Status Files(intake::v1::Report& report) {
    for (Attachment* one : AttachmentsOf(report)) {
      const std::string file = FileOf(*one), link = one->link();
      one->clear_link();
      one->clear_thumbnail_link();
      one->clear_links_expire_at();
      if (file.empty())
        folder_.AddNotHad(
            {one->uri(), "保存在代为登记的系统中。", "It lies in the store of the system that handed it in."});
      else if (link.empty())
        folder_.AddNotHad({one->uri(), "本市未提供下载链接。", "The city gives no link to it."});
      else if (auto fetched = File(report.name(), file, link, *one); !fetched.ok())
        return fetched;
    }
    return absl::OkStatus();
  }

  absl::Status File(const std::string& report, const std::string& file, const std::string& link, Attachment& one) {
    absl::Status fetched;
    for (int attempt = 0; had_.count(file) == 0 && attempt < kAttempts; ++attempt) {
      fetched = Fetch(report, file, link, one);
      if (fetched.ok()) had_.insert(file);
      if (absl::IsNotFound(fetched)) break;
    }
    if (fetched.ok())
      one.set_link(file);
    else if (absl::IsNotFound(fetched))
      folder_.AddNotHad({one.uri(), "存储中已不存在。", "The store has it no more."});
    else if (absl::IsDataLoss(fetched))
      folder_.AddNotHad(
          {one.uri(), "存储的内容与登记的摘要不符。", "What the store has is not what the report says it is."});
    else
      return absl::UnavailableError(absl::StrCat(one.uri(), " cannot be fetched: ", fetched.message()));
    return absl::OkStatus();
  }

  absl::Status Fetch(const std::string& report, const std::string& file, const std::string& link,
                     const Attachment& one) {
    const std::string path = folder_.PathOf(file);
    NewFile out;
    if (auto opened = out.Open(path); !opened.ok()) return opened;
    absl::Status fetched = fetch_(link, [&](std::string_view piece) { return out.Write(piece); });
    auto sum = out.Close(NewFile::When::kLater);
    if (fetched.ok()) fetched = sum.status();
    const bool says = !one.sha256().empty();
    if (fetched.ok() && says && *sum != absl::BytesToHexString(one.sha256())) fetched = absl::DataLossError("");
    if (!fetched.ok()) {
      std::remove(path.c_str());
      return fetched;
    }
    folder_.AddFile({.file = file,
                     .report = report,
                     .kind = Attachment::Kind_Name(one.kind()),
                     .size = out.size(),
                     .sha256 = *sum,
                     .checked = says});
    return absl::OkStatus();
  }

  void Tell(std::ostream& out) const {
    Table table({"what", "entries", "file"});
    for (const auto& [part, count] : folder_.parts()) table.Add({part.en, absl::StrCat(count), part.file});
    table.Add({"Photos and recordings", absl::StrCat(folder_.files().size()), "files/"});
    table.Print(out);
    for (const NotHad& one : folder_.not_had()) out << "not had: " << one.what << ": " << one.en << "\n";
  }

  PersonDoor& door_;
  const FetchLink& fetch_;
  PersonFolder& folder_;
  std::string person_;
  std::set<std::string> had_;  // one upload may stand in several reports
};

struct Options {
  std::string folder, door, token_file;
};

absl::Status Copy(const Options& options, std::ostream& out) {
  auto text = ReadFile(options.token_file);
  if (!text.ok()) return text.status();
  const std::string token(absl::StripAsciiWhitespace(*text));
  for (const char c : token)
    if (!absl::ascii_isgraph(c)) return absl::InvalidArgumentError(options.token_file + " has more than a token");
  if (token.empty()) return absl::InvalidArgumentError(options.token_file + " has no token");
  auto door = PersonDoor::Open(options.door, token);
  if (!door.ok()) return door.status();
  const FetchLink fetch = [&](const std::string& link, const auto& take) { return (*door)->Fetch(link, take); };
  auto copied = CopyPerson(**door, fetch, options.folder, out);
  if (copied.ok())
    out << "all of it is in " << options.folder << ", for its owner alone; index.json says what there is\n";
  return copied;
}

}  // namespace

absl::Status CopyPerson(PersonDoor& door, const FetchLink& fetch, const std::string& folder, std::ostream& out) {
  auto made = PersonFolder::Create(folder);
  if (!made.ok()) return made.status();
  return Copying(door, fetch, **made).Run(out);
}

Command CopyCommand() {
  return {
      "copy", "write all that the city has about one person into a folder, with the person's token", [](CLI::App& app) {
        auto options = std::make_shared<Options>();
        app.add_option("folder", options->folder, "a new folder")->required();
        app.add_option("--door", options->door, "the door, as http://127.0.0.1:8311")->required();
        app.add_option("--token-file", options->token_file, "the person's own token, good for many calls")->required();
        return [options](std::ostream& out) { return Copy(*options, out); };
      }};
}

}  // namespace civicmesh::civicctl
