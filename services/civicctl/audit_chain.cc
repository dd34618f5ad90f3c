#include "services/civicctl/audit_chain.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/time_util.h"
#include "services/intake/domain/audit.h"

namespace civicmesh::civicctl {

void AuditChain::Take(const intake::v1::AuditEntryRecorded& link) {
  const intake::v1::AuditEntry entry = intake::AuditEntryOf(link);
  const auto fault = [&](std::string_view what) {
    faults_.push_back(
        absl::StrCat("shard ", shard_, ", entry ", entry.number(), ": ", absl::string_view(what.data(), what.size())));
  };
  if (link.sha256() != intake::AuditHash(link.previous_sha256(), link.entry()))
    fault("its hash is not that of its text");
  if (link.previous_sha256() != end_) fault("it does not follow the entry before it");
  if (entry.number() != static_cast<int64_t>(entries_.size()) + 1) fault("its number is not the next one");
  if (entry.shard() != shard_) fault(absl::StrCat("it says that it is of shard ", entry.shard()));
  end_ = link.sha256();
  entries_.push_back(entry);
}

std::string AuditLine(const intake::v1::AuditEntry& entry) {
  nlohmann::ordered_json json;
  json["shard"] = entry.shard();
  json["number"] = entry.number();
  json["name"] = entry.name();
  json["occurred_at"] = google::protobuf::util::TimeUtil::ToString(entry.occurred_at());
  json["actor"] = entry.actor();
  json["posts"] = std::vector<std::string>(entry.posts().begin(), entry.posts().end());
  json["action"] = intake::v1::AuditAction_Name(entry.action());
  json["object"] = entry.object();
  json["person_token"] = entry.person_token();
  json["detail"] = entry.detail();
  json["previous_sha256"] = absl::BytesToHexString(entry.previous_sha256());
  json["sha256"] = absl::BytesToHexString(entry.sha256());
  return json.dump();
}

bool ReadAuditExport(const std::string& text, AuditHashes* hashes) {
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const auto json = nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("shard") || !json["shard"].is_number_integer() ||
        !json.contains("number") || !json["number"].is_number_integer() || !json.contains("sha256") ||
        !json["sha256"].is_string())
      return false;
    (*hashes)[{json["shard"].get<int>(), json["number"].get<int64_t>()}] = json["sha256"].get<std::string>();
  }
  return true;
}

std::vector<std::string> AuditDifferences(const AuditHashes& before, const AuditHashes& now) {
  std::vector<std::string> differences;
  for (const auto& [where, hash] : before) {
    const auto there = now.find(where);
    if (there != now.end() && there->second == hash) continue;
    differences.push_back(absl::StrCat("shard ", where.first, ", entry ", where.second,
                                       there == now.end() ? ": is not there any more" : ": is another one now"));
  }
  return differences;
}

}  // namespace civicmesh::civicctl
