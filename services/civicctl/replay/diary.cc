#include "services/civicctl/replay/diary.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "services/civicctl/files.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/names.h"

namespace civicmesh::civicctl {
namespace {

// The kinds of lines.
constexpr char kMadeOf[] = "diary", kRun[] = "run", kAsked[] = "asked", kAnswered[] = "answered", kDone[] = "done";

// Half of what a city takes: a run may take the other half.
constexpr absl::Duration kFresh = absl::Hours(12);

std::string Packed(const std::string& bytes) { return absl::StrCat("=", absl::Base64Escape(bytes)); }

bool Unpack(std::string_view word, std::string& bytes) {
  return !word.empty() && absl::Base64Unescape({word.data() + 1, word.size() - 1}, &bytes);
}

absl::Status Compare(const std::vector<std::string>& words, const Diary::MadeOf& made_of, const std::string& path) {
  std::vector<std::string> other;
  for (const auto& [name, value] : made_of)
    if (std::find(words.begin(), words.end(), absl::StrCat(name, "=", value)) == words.end()) other.push_back(name);
  if (other.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is the diary of another replay: it had another ", absl::StrJoin(other, ", another ")));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Diary>> Diary::Open(const std::string& path, const MadeOf& made_of, absl::Time now) {
  std::unique_ptr<Diary> diary(new Diary);
  diary->path_ = path;
  if (!path.empty()) {
    std::string text;
    if (std::filesystem::exists(path)) {
      auto read = ReadFile(path);
      if (!read.ok()) return read.status();
      text = *std::move(read);
    }
    // Whoever was killed may have left half a line, which nobody has acted on.
    const size_t whole = text.rfind('\n') + 1;
    if (whole < text.size()) std::filesystem::resize_file(path, whole);
    text.resize(whole);
    if (auto status = diary->Read(text, made_of); !status.ok()) return status;
    diary->file_.open(path, std::ios::app);
    if (text.empty()) {
      std::vector<std::string> words{kMadeOf};
      for (const auto& [name, value] : made_of) words.push_back(absl::StrCat(name, "=", value));
      diary->Write(std::move(words));
    }
  }
  diary->Begin(now);
  diary->Write({kRun, absl::StrCat(absl::ToUnixMillis(now))});
  if (auto status = diary->Sound(); !status.ok()) return status;
  return diary;
}

absl::Status Diary::Read(std::string_view text, const MadeOf& made_of) {
  bool first = true;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (std::exchange(first, false)) {
      if (words.front() != kMadeOf) return absl::InvalidArgumentError(absl::StrCat(path_, " is no diary of a replay"));
      if (auto status = Compare(words, made_of, path_); !status.ok()) return status;
    } else if (!Take(words)) {
      return absl::InvalidArgumentError(absl::StrCat(path_, " is damaged at \"", line.substr(0, 60), "\""));
    }
  }
  return absl::OkStatus();
}

bool Diary::Take(const std::vector<std::string>& words) {
  const std::string& kind = words.front();
  if (words.size() == 2 && kind == kRun) {
    int64_t ms = 0;
    if (!absl::SimpleAtoi(words[1], &ms)) return false;
    Begin(absl::FromUnixMillis(ms));
    return true;
  }
  if (words.size() == 2 && kind == kAsked) return asked_.insert(words[1]), true;
  int code = 0;
  std::string key, message, details, bytes;
  if (words.size() == 2 && kind == kDone && Unpack(words[1], key)) return finished_.insert(key), true;
  if (words.size() != 6 || kind != kAnswered || !Unpack(words[1], key) || !absl::SimpleAtoi(words[2], &code) ||
      !Unpack(words[3], message) || !Unpack(words[4], details) || !Unpack(words[5], bytes))
    return false;
  answers_[key] = {grpc::Status(static_cast<grpc::StatusCode>(code), message, details), std::move(bytes)};
  return true;
}

void Diary::Begin(absl::Time run) {
  ++runs_;
  if (issued_.empty() || run - issued_.back() > kFresh) issued_.push_back(run);
}

void Diary::Write(std::vector<std::string> words) {
  if (file_.is_open()) file_ << absl::StrJoin(words, " ") << std::endl;
}

absl::Status Diary::Sound() const {
  if (path_.empty() || (file_.is_open() && file_.good())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path_, " cannot be written"));
}

absl::Time Diary::unanswered_since() const {
  absl::Time since = absl::InfiniteFuture();
  for (const std::string& id : asked_)
    if (const auto ms = UuidV7Time(id); ms && !answers_.count(id)) since = std::min(since, absl::FromUnixMillis(*ms));
  return since;
}

std::string Diary::RequestId(const Dice& dice, std::string_view action, int shards) const {
  const std::string first = dice.RequestId(issued_.front(), action);
  if (issued_.size() == 1 || asked_.count(first)) return first;
  const int shard = ShardOf(first, shards);
  std::string id;
  for (size_t i = 1; i < issued_.size(); ++i) {
    for (int n = 0; n == 0 || ShardOf(id, shards) != shard; ++n)
      id = dice.RequestId(issued_[i], absl::StrCat(absl::string_view(action.data(), action.size()), "/", n));
    if (asked_.count(id)) break;
  }
  return id;
}

const Diary::Answer* Diary::Find(const std::string& key) const {
  const auto known = answers_.find(key);
  return known == answers_.end() ? nullptr : &known->second;
}

void Diary::Asked(const std::string& request_id) {
  if (!asked_.count(request_id)) Write({kAsked, request_id});
}

void Diary::Answered(const std::string& key, const grpc::Status& status, const std::string& bytes) {
  Write({kAnswered, Packed(key), absl::StrCat(static_cast<int>(status.error_code())), Packed(status.error_message()),
         Packed(status.error_details()), Packed(bytes)});
}

void Diary::Finished(const std::string& action) {
  if (!finished(action)) Write({kDone, Packed(action)});
}

}  // namespace civicmesh::civicctl
