#include "services/civicctl/audit.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "civicmesh/log/v1/log.pb.h"
#include "google/protobuf/util/time_util.h"
#include "services/civicctl/audit_chain.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/files.h"
#include "services/civicctl/log_reading.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/shard/effective.h"

namespace civicmesh::civicctl {
namespace {

using google::protobuf::util::TimeUtil;

struct Options {
  KafkaPlace kafka;
  std::string out, compare;
};

absl::StatusOr<AuditChain> ChainOf(Journal& journal, int shard) {
  AuditChain chain(shard);
  EffectiveFold fold;
  absl::Status readable;
  Progress progress(absl::StrCat("reading intake/", shard), 0);
  const auto take = [&](const LogRecord& raw) {
    progress.Add(1);
    auto bytes = Unframe(raw.value);
    log::v1::Record record;
    if (!bytes.ok() || !record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
      readable = absl::DataLossError(absl::StrCat("intake/", shard, "/", raw.offset, " does not decode"));
      return false;
    }
    if (!fold.Take(record)) return true;
    for (const auto& change : record.accepted().streams())
      for (const auto& event_bytes : change.events()) {
        intake::v1::JournalEvent event;
        if (event.ParseFromString(event_bytes) && event.has_audit_entry_recorded())
          chain.Take(event.audit_entry_recorded());
      }
    return true;
  };
  if (auto read = ReadLog(journal, {Topic::kJournal, shard}, {}, take); !read.ok()) return read.status();
  if (!readable.ok()) return readable;
  return chain;
}

void PrintEntries(const std::vector<AuditChain>& chains, std::ostream& out) {
  Table table({"when", "who", "posts", "what", "about", "whose", "detail"});
  for (const AuditChain& chain : chains)
    for (const auto& entry : chain.entries())
      table.Add({TimeText(TimeUtil::TimestampToMilliseconds(entry.occurred_at())), entry.actor(),
                 absl::StrJoin(entry.posts(), ","), intake::v1::AuditAction_Name(entry.action()).substr(13),
                 entry.object(), entry.person_token(), entry.detail()});
  if (!table.empty()) table.Print(out);
}

absl::Status Audit(const Options& options, std::ostream& out) {
  KafkaJournal journal(options.kafka.Of("intake"));
  std::vector<AuditChain> chains;
  std::vector<std::string> faults;
  AuditHashes hashes;
  std::string exported;
  for (int shard = 0; shard < options.kafka.shards; ++shard) {
    auto chain = ChainOf(journal, shard);
    if (!chain.ok()) return chain.status();
    faults.insert(faults.end(), chain->faults().begin(), chain->faults().end());
    for (const auto& entry : chain->entries()) {
      hashes[{shard, entry.number()}] = absl::BytesToHexString(entry.sha256());
      absl::StrAppend(&exported, AuditLine(entry), "\n");
    }
    chains.push_back(*std::move(chain));
  }
  PrintEntries(chains, out);
  if (!options.compare.empty()) {
    auto text = ReadFile(options.compare);
    AuditHashes before;
    if (!text.ok()) return text.status();
    if (!ReadAuditExport(*text, &before))
      return absl::InvalidArgumentError(absl::StrCat(options.compare, " is no export of civicctl audit"));
    const auto differences = AuditDifferences(before, hashes);
    faults.insert(faults.end(), differences.begin(), differences.end());
    out << before.size() << " entries of " << options.compare << " compared\n";
  }
  if (!options.out.empty())
    if (auto written = WriteFile(options.out, exported); !written.ok()) return written;
  if (!faults.empty())
    return absl::DataLossError(absl::StrCat("the record was changed:\n  ", absl::StrJoin(faults, "\n  ")));
  out << hashes.size() << " entries, the chains hold\n";
  return absl::OkStatus();
}

}  // namespace

Command AuditCommand() {
  return {"audit", "check, print and export who did what about personal data", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddKafka(app, options->kafka);
            app.add_option("--out", options->out, "write the entries to this file, one line of JSON each");
            app.add_option("--compare", options->compare, "an earlier export: every entry of it must stand unchanged");
            return [options](std::ostream& out) { return Audit(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
