#include "services/civicctl/published_facts.h"

#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/civicctl/canonical.h"
#include "services/civicctl/log_reading.h"
#include "services/runtime/journal/event_id.h"

namespace civicmesh::civicctl {
namespace {

using FactId = std::pair<int64_t, int>;

std::optional<FactId> IdOf(const std::string& ce_id, const std::string& domain, int shard) {
  const auto id = ParseEventId(ce_id);
  if (!id || id->domain != domain || id->shard != shard) return std::nullopt;
  return FactId(id->journal_offset, id->index);
}

std::string Text(const FactId& id) { return absl::StrCat("fact ", id.first, "/", id.second); }

}  // namespace

absl::StatusOr<std::vector<std::string>> CompareFacts(Journal& journal, const std::string& domain, int shard,
                                                      const std::map<FactId, std::string>& facts, int64_t until) {
  std::vector<std::string> lines;
  std::set<FactId> seen;
  auto take = [&](const LogRecord& record) {
    const auto id = IdOf(HeaderOf(record, "ce_id"), domain, shard);
    if (!id) {
      lines.push_back(
          absl::StrCat("event at ", record.offset, ": \"", HeaderOf(record, "ce_id"), "\" is no id of this shard"));
      return true;
    }
    if (id->first >= until || seen.count(*id)) return true;
    if (!seen.empty() && *id < *seen.rbegin()) lines.push_back(Text(*id) + ": published after a later one");
    seen.insert(*id);
    auto said = facts.find(*id);
    if (said == facts.end()) {
      lines.push_back(Text(*id) + ": published, does not follow from the journal");
    } else if (said->second != FactHash(HeaderOf(record, "ce_type"), HeaderOf(record, "ce_subject"), record.value)) {
      lines.push_back(Text(*id) + ": published otherwise than the journal says");
    }
    return true;
  };
  auto read = ReadLog(journal, {Topic::kEvents, shard}, {}, take);
  if (!read.ok()) return read.status();
  for (const auto& [id, said] : facts)
    if (!seen.count(id)) lines.push_back(Text(id) + ": follows from the journal, not published");
  return lines;
}

}  // namespace civicmesh::civicctl
