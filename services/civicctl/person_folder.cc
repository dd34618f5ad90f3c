#include "services/civicctl/person_folder.h"

#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/civicctl/copy_files.h"

namespace civicmesh::civicctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFiles[] = "files";

// What no token leads to, so no copy has it.
struct Elsewhere {
  const char* zh;
  const char* en;
};
constexpr Elsewhere kElsewhere[] = {
    {"匿名上报：系统不知道是谁上报的，凭查询码查询。",
     "Anonymous reports: nobody knows whose they are; the tracking code leads to each."},
    {"对工作人员的举报：一律匿名，凭查询码查询。",
     "Reports against staff: they are always anonymous; the tracking code leads to each."},
    {"他人以别的标识代为登记的上报：请向代为登记的热线或机构查询。",
     "Reports that somebody handed in for the person under another reference: the hotline or agency knows them."},
    {"已上传但未随上报提交的照片和录音：两天后自动删除。",
     "Photos and recordings that were uploaded and not sent with a report: they go within two days."},
    {"身份信息（姓名、证件、登录方式）：由统一身份认证系统保存，本系统只有其给出的代号。",
     "Who the person is (name, documents, login): kept by the issuer of tokens; the city has the subject that it "
     "gives."},
};

Json FileEntry(const PersonFile& file) {
  return {{"file", file.file},       {"report", file.report}, {"kind", file.kind},
          {"size_bytes", file.size}, {"sha256", file.sha256}, {"as_the_report_says", file.checked}};
}

}  // namespace

Json JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions as_the_door;
  as_the_door.preserve_proto_field_names = true;
  as_the_door.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, as_the_door).ok()) std::abort();  // it holds no Any
  return Json::parse(text);
}

absl::StatusOr<std::unique_ptr<PersonFolder>> PersonFolder::Create(std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  struct stat there;
  if (lstat(folder.c_str(), &there) == 0)
    return absl::FailedPreconditionError(absl::StrCat(folder, " is there already; name a new folder"));
  std::string unfinished = absl::StrCat(folder, ".unfinished-XXXXXX");
  if (mkdtemp(unfinished.data()) == nullptr) return Trouble("make", unfinished);
  std::unique_ptr<PersonFolder> made(new PersonFolder(std::move(folder), std::move(unfinished)));
  if (auto files = MakeFolders(made->unfinished_, kFiles); !files.ok()) return files;
  return made;
}

PersonFolder::PersonFolder(std::string folder, std::string unfinished)
    : folder_(std::move(folder)), unfinished_(std::move(unfinished)) {}

PersonFolder::~PersonFolder() {
  std::error_code ignored;
  if (!finished_) std::filesystem::remove_all(unfinished_, ignored);
}

absl::Status PersonFolder::AddPart(const PersonPart& part, const Json& entries) {
  parts_.emplace_back(part, entries.is_array() ? entries.size() : 1);
  return Write(part.file, entries);
}

absl::Status PersonFolder::Finish(const std::string& made_at, const std::string& person_token) {
  if (auto written = Write("index.json", Index(made_at, person_token)); !written.ok()) return written;
  if (auto synced = SyncFolder(unfinished_); !synced.ok()) return synced;
  finished_ = std::rename(unfinished_.c_str(), folder_.c_str()) == 0;
  return finished_ ? absl::OkStatus() : Trouble("make", folder_);
}

absl::Status PersonFolder::Write(const std::string& file, const Json& content) {
  NewFile out;
  if (auto opened = out.Open(PathOf(file)); !opened.ok()) return opened;
  if (auto written = out.Write(absl::StrCat(content.dump(2), "\n")); !written.ok()) return written;
  return out.Close(NewFile::When::kLater).status();
}

Json PersonFolder::Index(const std::string& made_at, const std::string& person_token) const {
  Json parts = Json::array(), files = Json::array(), not_had = Json::array(), elsewhere = Json::array();
  for (const auto& [part, count] : parts_)
    parts.push_back({{"heading_zh", part.zh}, {"heading_en", part.en}, {"file", part.file}, {"count", count}});
  for (const PersonFile& file : files_) files.push_back(FileEntry(file));
  for (const NotHad& one : not_had_) not_had.push_back({{"what", one.what}, {"why_zh", one.zh}, {"why_en", one.en}});
  for (const Elsewhere& one : kElsewhere) elsewhere.push_back({{"zh", one.zh}, {"en", one.en}});
  return {
      {"title_zh", "本人信息副本（个人信息保护法第四十五条）"},
      {"title_en", "A copy of one's personal data (Personal Information Protection Law, article 45)"},
      {"made_at", made_at},
      {"person_token", person_token},
      {"parts", {{"heading_zh", "内容"}, {"heading_en", "What there is"}, {"entries", parts}}},
      {"files", {{"heading_zh", "照片和录音"}, {"heading_en", "Photos and recordings"}, {"entries", files}}},
      {"not_had", {{"heading_zh", "未能取得的内容"}, {"heading_en", "What could not be had"}, {"entries", not_had}}},
      {"elsewhere",
       {{"heading_zh", "不在此副本中的内容"}, {"heading_en", "What is not in this copy"}, {"entries", elsewhere}}}};
}

}  // namespace civicmesh::civicctl
