#include "services/civicctl/verify.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/door.h"
#include "services/civicctl/figures_afresh.h"
#include "services/civicctl/keys.h"
#include "services/civicctl/published_facts.h"
#include "services/civicctl/shard_image.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/hotstate/redis_hot_state.h"
#include "services/runtime/journal/kafka_journal.h"

namespace civicmesh::civicctl {
namespace {

constexpr size_t kDigestBytes = 8;

struct Options {
  KafkaPlace kafka;
  RedisPlace redis;
  std::string domain;  // empty: all
  std::string door;    // empty: analytics is not asked
  std::string keys;
};

struct Verdict {
  FoldedShard folded;
  std::string digest;
  std::vector<std::string> differences;
  bool unused = false;  // neither journal nor Redis knows the shard
};

class Verification {
 public:
  Verification(const Options& options, const Domain& domain, FiguresAfresh& figures)
      : domain_(domain),
        figures_(figures),
        journal_(options.kafka.Of(domain.name)),
        reader_(journal_.NewReader()),
        hot_({.servers = options.redis.servers,
              .login = options.redis.login,
              .domain = domain.name,
              .fold_version = domain.fold_version}) {}

  // What cannot be read at all is an error; what is there and wrong is a difference.
  absl::StatusOr<Verdict> Verify(int shard) {
    Verdict verdict;
    auto bounds = reader_->GetBounds({Topic::kJournal, shard});
    if (!bounds.ok()) return InWords(bounds.status(), shard);
    auto published = ReadPublishedImage(hot_, shard);
    verdict.unused = bounds->end == 0 && absl::IsFailedPrecondition(published.status());
    if (verdict.unused) return verdict;
    if (absl::IsUnavailable(published.status())) return InWords(published.status(), shard);
    const int64_t until = published.ok() ? published->point.offset() : bounds->end;
    if (!published.ok()) verdict.differences.push_back(std::string(published.status().message()));
    if (until < bounds->end)
      verdict.differences.push_back(absl::StrCat(bounds->end - until, " journal records are not in Redis yet"));
    auto folded = Fold(shard, until);
    if (absl::IsUnavailable(folded.status())) return folded.status();
    if (!folded.ok()) {
      verdict.differences.push_back(std::string(folded.status().message()));
      return verdict;
    }
    verdict.folded = *std::move(folded);
    verdict.digest = Digest(verdict.folded.image, domain_.stream);
    if (published.ok()) Append(Differences(verdict.folded.image, *published, domain_.stream), verdict);
    auto facts = CompareFacts(journal_, domain_.name, shard, verdict.folded.facts, until);
    if (!facts.ok()) return facts.status();
    Append(*std::move(facts), verdict);
    return verdict;
  }

 private:
  absl::StatusOr<FoldedShard> Fold(int shard, int64_t until) {
    Progress progress(absl::StrCat(domain_.name, "/", shard), until);
    return FoldJournal(
        journal_, shard, domain_.machines, until,
        {.record = [&] { progress.Add(1); },
         .fact = [&](int64_t offset, int index,
                     const PublicEvent& fact) { return figures_.Take(domain_.name, shard, offset, index, fact); }});
  }

  static void Append(std::vector<std::string> lines, Verdict& verdict) {
    for (auto& line : lines) verdict.differences.push_back(std::move(line));
  }

  absl::Status InWords(const absl::Status& status, int shard) const {
    return absl::UnavailableError(absl::StrCat(domain_.name, "/", shard, ": ", status.message()));
  }

  const Domain& domain_;
  FiguresAfresh& figures_;
  KafkaJournal journal_;
  std::unique_ptr<LogReader> reader_;
  RedisHotState hot_;
};

// A row of the table: of one shard, or of a whole domain.
struct Totals {
  int64_t records = 0, voided = 0;
  size_t streams = 0, outcomes = 0, rows = 0, facts = 0;
  std::string digests;
  int different = 0, used = 0;

  void Add(const Verdict& verdict) {
    const FoldedShard& folded = verdict.folded;
    records += folded.effective + folded.barriers;
    voided += folded.voided;
    streams += folded.image.streams.size();
    outcomes += folded.image.outcomes.size();
    rows += folded.image.rows.size();
    facts += folded.facts.size();
    digests += verdict.digest;
    different += verdict.differences.empty() ? 0 : 1;
    used += verdict.unused ? 0 : 1;
  }

  std::vector<std::string> Row(const std::string& domain, const std::string& shard, const std::string& digest) const {
    return {domain,
            shard,
            absl::StrCat(records),
            absl::StrCat(voided),
            absl::StrCat(streams),
            absl::StrCat(outcomes),
            absl::StrCat(rows),
            absl::StrCat(facts),
            digest.empty() ? "-" : digest,
            different > 0 ? "DIFFERS"
            : used == 0   ? "never used"
                          : "equal"};
  }
};

std::string DigestOf(const std::string& digests) {
  return digests.empty() ? "" : absl::BytesToHexString(Sha256(digests).substr(0, kDigestBytes));
}

// True where analytics has the figures that follow from the journals.
absl::StatusOr<bool> CompareFigures(const Options& options, const FiguresAfresh& figures, std::ostream& out) {
  auto token = MintToken(options.keys, {.subject = kToolSubject, .roles = {}, .unit = "", .hours = 1});
  if (!token.ok()) return token.status();
  auto door = Door::Open(options.door, *token);
  if (!door.ok()) return door.status();
  auto verdict = figures.Compare([&](const analytics::v1::ListKpisRequest& request) { return (*door)->Kpis(request); });
  if (!verdict.ok()) return verdict.status();
  const int differ = static_cast<int>(verdict->differences.size());
  for (int i = 0; i < differ && i < kMaxDifferences; ++i) out << verdict->differences[i] << "\n";
  out << "analytics: " << verdict->compared - differ << " of " << verdict->compared
      << " answers (every KPI by every breakdown) follow from the journals\n";
  return differ == 0;
}

absl::Status Verify(const Options& options, std::ostream& out) {
  Table table({"domain", "shard", "records", "void", "streams", "outcomes", "rows", "facts", "digest", ""});
  std::vector<std::string> differences;
  FiguresAfresh figures;
  int different = 0, shards = 0;
  for (const Domain& domain : Domains()) {
    if (!options.domain.empty() && domain.name != options.domain) continue;
    Verification verification(options, domain, figures);
    Totals whole;
    for (int shard = 0; shard < options.kafka.shards; ++shard, ++shards) {
      auto verdict = verification.Verify(shard);
      if (!verdict.ok()) return verdict.status();
      Totals row;
      row.Add(*verdict);
      whole.Add(*verdict);
      table.Add(row.Row(domain.name, absl::StrCat(shard), verdict->digest));
      for (size_t i = 0; i < verdict->differences.size() && i < kMaxDifferences; ++i)
        differences.push_back(absl::StrCat(domain.name, "/", shard, ": ", verdict->differences[i]));
    }
    table.Add(whole.Row(domain.name, "all", DigestOf(whole.digests)));
    different += whole.different;
  }
  table.Print(out);
  for (const std::string& line : differences) out << line << "\n";
  if (!options.door.empty()) {
    auto equal = CompareFigures(options, figures, out);
    if (!equal.ok()) return equal.status();
    if (!*equal && different == 0)
      return absl::FailedPreconditionError("analytics has other figures than the journals");
  }
  if (different > 0)
    return absl::FailedPreconditionError(
        absl::StrCat(different, " of ", shards, " shards differ (if the mesh is not at rest, ask again when it is)"));
  out << "equal: " << shards << " shards; Redis and the public events say what the journals say\n";
  return absl::OkStatus();
}

}  // namespace

Command VerifyCommand() {
  return {"verify", "fold the journals afresh; compare with Redis, events, figures", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddKafka(app, options->kafka);
            AddRedis(app, options->redis);
            CLI::Option* domain = AddDomain(app, options->domain, "one domain only");
            CLI::Option* door = app.add_option("--door", options->door,
                                               "compare the figures of analytics too, asked at http://127.0.0.1:8311");
            CLI::Option* keys = app.add_option("--keys", options->keys, "the folder that `civicctl keys` filled");
            door->needs(keys)->excludes(domain);
            return [options](std::ostream& out) { return Verify(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
