#include "services/civicctl/shard_image.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/civicctl/canonical.h"
#include "services/civicctl/log_reading.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/shard/effective.h"
#include "services/runtime/shard/shard_memory.h"

namespace civicmesh::civicctl {
namespace {

using google::protobuf::Message;
using log::v1::Record;

constexpr int kPollMs = 20;
constexpr int kRowsPerCall = 1000;
constexpr int kAttempts = 3;
const Rules kAllRules;
constexpr size_t kHashBytes = 16;
constexpr size_t kDigestBytes = 8;

// Folding.

class JournalFold {
 public:
  JournalFold(int shard, const MachineFactory& machines, const FoldWatch& watch)
      : watch_(watch), memory_(machines(shard), kAllRules) {}

  absl::Status Take(const LogRecord& raw) {
    auto bytes = Unframe(raw.value);
    Record record;
    if (!bytes.ok() || !record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size())))
      return absl::DataLossError(absl::StrCat("journal record ", raw.offset, " does not decode"));
    hash_ = Sha256(raw.value).substr(0, kHashBytes);
    if (!fold_.Take(record)) {
      ++shard_.voided;
      return absl::OkStatus();
    }
    ++(record.kind() == Record::KIND_BARRIER ? shard_.barriers : shard_.effective);
    auto applied = memory_.Apply(record, {raw.offset, 0}, /*skip=*/false, /*values=*/false);
    if (!applied.ok())
      return absl::DataLossError(absl::StrCat("journal record ", raw.offset, ": ", applied.status().message()));
    return TakeFacts(record, raw.offset);
  }

  FoldedShard Finish(int64_t until) {
    for (ShardMemory::Dump dump(memory_); !dump.done();) {
      HotChanges part = dump.Next();
      for (auto& write : part.writes) TableOf(write.table).emplace(std::move(write.key), *std::move(write.value));
      shard_.image.rows.insert(part.rows_added.begin(), part.rows_added.end());
    }
    log::v1::HotPoint& point = shard_.image.point;
    point.set_offset(until);
    point.set_epoch(fold_.epoch);
    point.set_owner(fold_.owner);
    point.set_seq(fold_.seq);
    *point.mutable_inbox() = fold_.inbox;
    point.set_now_ms(fold_.now_ms);
    point.set_last_hash(hash_);
    for (const auto& activation : memory_.activations()) *point.add_activations() = activation;
    return std::move(shard_);
  }

 private:
  std::map<std::string, std::string>& TableOf(HotTable table) {
    switch (table) {
      case HotTable::kStreams:
        return shard_.image.streams;
      case HotTable::kOutcomes:
        return shard_.image.outcomes;
      case HotTable::kPolicies:
        break;
    }
    return shard_.image.policies;
  }

  // As the owner publishes them (R14).
  absl::Status TakeFacts(const Record& record, int64_t offset) {
    int index = 0;
    for (const auto& change : record.accepted().streams()) {
      uint64_t version = change.first_version();
      for (const auto& event : change.events()) {
        const EventMeta meta{.stream = change.stream(), .version = version++, .now_ms = record.now_ms()};
        auto published = memory_.machine().Publish(meta, event);
        if (!published.ok()) return published.status();
        for (const PublicEvent& fact : *published) {
          if (auto heard = watch_.fact(offset, index, fact); !heard.ok()) return heard;
          shard_.facts[{offset, index++}] = FactHash(fact.type, fact.subject, fact.bytes);
        }
      }
    }
    return absl::OkStatus();
  }

  const FoldWatch& watch_;
  EffectiveFold fold_;
  ShardMemory memory_;
  FoldedShard shard_;
  std::string hash_;
};

// Reading what was published. Each call waits for its answer.

template <typename T>
absl::StatusOr<T> Answer(HotState& hot, const std::function<void(std::function<void(absl::StatusOr<T>)>)>& ask) {
  std::optional<absl::StatusOr<T>> answer;
  ask([&](absl::StatusOr<T> value) { answer = std::move(value); });
  while (!answer) hot.Poll(kPollMs);
  return *std::move(answer);
}

absl::Status ReadTable(HotState& hot, int shard, HotTable table, std::map<std::string, std::string>& into) {
  uint64_t cursor = 0;
  do {
    auto piece = Answer<HotPiece>(hot, [&](auto done) { hot.Scan(shard, table, cursor, std::move(done)); });
    if (!piece.ok()) return piece.status();
    for (auto& [key, value] : piece->entries) into[key] = std::move(value);
    cursor = piece->next_cursor;
  } while (cursor != 0);
  return absl::OkStatus();
}

absl::Status ReadRows(HotState& hot, int shard, std::set<std::string>& into) {
  std::string from;
  while (true) {
    auto read =
        Answer<HotRead>(hot, [&](auto done) { hot.Range(shard, from, "\xff", kRowsPerCall, false, std::move(done)); });
    if (!read.ok()) return read.status();
    for (const auto& row : read->values) into.insert(*row);
    if (read->values.size() < kRowsPerCall) return absl::OkStatus();
    from = *read->values.back() + '\0';
  }
}

absl::StatusOr<HotPiece> Look(HotState& hot, int shard) {
  return Answer<HotPiece>(hot, [&](auto done) { hot.Look(shard, std::move(done)); });
}

absl::StatusOr<ShardImage> ReadOnce(HotState& hot, int shard, bool& moved) {
  auto before = Look(hot, shard);
  if (!before.ok()) return before.status();
  ShardImage image;
  const bool usable = before->verified && before->verified->run_id == before->server_run_id &&
                      !before->point.token.empty() && image.point.ParseFromString(before->point.blob);
  if (!usable) return absl::FailedPreconditionError("Redis holds no published state of this shard");
  for (auto [table, into] : {std::pair(HotTable::kStreams, &image.streams),
                             {HotTable::kOutcomes, &image.outcomes},
                             {HotTable::kPolicies, &image.policies}})
    if (auto read = ReadTable(hot, shard, table, *into); !read.ok()) return read;
  if (auto read = ReadRows(hot, shard, image.rows); !read.ok()) return read;
  auto after = Look(hot, shard);
  if (!after.ok()) return after.status();
  moved = after->point != before->point || after->verified != before->verified;
  return image;
}

// Comparing.

std::string CanonicalStream(const std::string& bytes, const google::protobuf::Descriptor* stream) {
  log::v1::StreamValue value;
  auto state = NewMessage(stream);
  if (!value.ParseFromString(bytes) || !state->ParseFromString(value.state())) return bytes;
  value.set_state(CanonicalBytes(*state));
  return CanonicalBytes(value);
}

// What of two messages differs, for people; "" where nothing does.
std::string Compare(const Message& folded, const Message& published) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  if (differencer.Compare(folded, published)) return "";
  return absl::StrReplaceAll(report.substr(0, report.find_last_not_of('\n') + 1), {{"\n", "; "}});
}

template <typename T>
std::string CompareBytes(const std::string& folded, const std::string& published) {
  if (folded == published) return "";
  T a, b;
  if (!a.ParseFromString(folded) || !b.ParseFromString(published)) return "does not decode";
  return Compare(a, b);
}

std::string CompareStreams(const std::string& folded, const std::string& published,
                           const google::protobuf::Descriptor* type) {
  if (folded == published) return "";
  log::v1::StreamValue a, b;
  auto x = NewMessage(type), y = NewMessage(type);
  if (!a.ParseFromString(folded) || !b.ParseFromString(published) || !x->ParseFromString(a.state()) ||
      !y->ParseFromString(b.state()))
    return "does not decode";
  if (std::string states = Compare(*x, *y); !states.empty()) return states;
  a.clear_state();
  b.clear_state();
  return Compare(a, b);
}

class Report {
 public:
  void Add(std::string line) {
    if (++count_ <= kMaxDifferences) lines_.push_back(std::move(line));
  }

  template <typename CompareValues>
  void AddTable(const char* what, const std::map<std::string, std::string>& folded,
                const std::map<std::string, std::string>& published, bool binary_keys, CompareValues compare) {
    auto name = [&](const std::string& key) {
      return absl::StrCat(what, " ", binary_keys ? absl::BytesToHexString(key) : key);
    };
    for (const auto& [key, value] : folded) {
      auto other = published.find(key);
      if (other == published.end()) {
        Add(name(key) + ": in the journal, not in Redis");
      } else if (std::string difference = compare(value, other->second); !difference.empty()) {
        Add(absl::StrCat(name(key), ": ", difference));
      }
    }
    for (const auto& [key, value] : published)
      if (!folded.count(key)) Add(name(key) + ": in Redis, not in the journal");
  }

  std::vector<std::string> Finish() {
    if (count_ > kMaxDifferences) lines_.push_back(absl::StrCat("and ", count_ - kMaxDifferences, " more"));
    return std::move(lines_);
  }

 private:
  std::vector<std::string> lines_;
  int count_ = 0;
};

std::string RowText(const std::string& row) { return absl::StrReplaceAll(row, {{"\x1f", " | "}}); }

}  // namespace

absl::StatusOr<FoldedShard> FoldJournal(Journal& journal, int shard, const MachineFactory& machines, int64_t until,
                                        const FoldWatch& watch) {
  JournalFold fold(shard, machines, watch);
  absl::Status taken;
  auto end = ReadLog(journal, {Topic::kJournal, shard}, {.from = 0, .to = until}, [&](const LogRecord& record) {
    taken = fold.Take(record);
    watch.record();
    return taken.ok();
  });
  if (!end.ok()) return end.status();
  if (!taken.ok()) return taken;
  if (*end < until)
    return absl::DataLossError(absl::StrCat("the journal ends at ", *end, ", Redis covers it up to ", until));
  return fold.Finish(until);
}

absl::StatusOr<ShardImage> ReadPublishedImage(HotState& hot, int shard) {
  for (int i = 0; i < kAttempts; ++i) {
    bool moved = false;
    auto image = ReadOnce(hot, shard, moved);
    if (!image.ok() || !moved) return image;
  }
  return absl::UnavailableError("the shard moves while it is read: let the mesh come to rest, then ask again");
}

std::vector<std::string> Differences(const ShardImage& folded, const ShardImage& published,
                                     const google::protobuf::Descriptor* stream) {
  Report report;
  log::v1::HotPoint point = published.point;
  point.clear_fold_version();  // it names the prefix under which all of this was found
  if (std::string difference = Compare(folded.point, point); !difference.empty()) report.Add("point: " + difference);
  report.AddTable("stream", folded.streams, published.streams, false,
                  [&](const std::string& a, const std::string& b) { return CompareStreams(a, b, stream); });
  report.AddTable("outcome", folded.outcomes, published.outcomes, true, CompareBytes<log::v1::OutcomeValue>);
  report.AddTable("policy", folded.policies, published.policies, false, CompareBytes<log::v1::PolicyValue>);
  std::vector<std::string> missing, extra;
  std::set_difference(folded.rows.begin(), folded.rows.end(), published.rows.begin(), published.rows.end(),
                      std::back_inserter(missing));
  std::set_difference(published.rows.begin(), published.rows.end(), folded.rows.begin(), folded.rows.end(),
                      std::back_inserter(extra));
  for (const auto& row : missing) report.Add("row " + RowText(row) + ": follows from the journal, not in Redis");
  for (const auto& row : extra) report.Add("row " + RowText(row) + ": in Redis, does not follow from the journal");
  return report.Finish();
}

std::string Digest(const ShardImage& image, const google::protobuf::Descriptor* stream) {
  std::string all;
  auto add = [&all](std::string_view part) {
    absl::StrAppend(&all, part.size(), ":");
    all.append(part);
  };
  for (const auto& [id, value] : image.streams) {
    add(id);
    add(CanonicalStream(value, stream));
  }
  for (const auto* table : {&image.outcomes, &image.policies}) {
    for (const auto& [key, value] : *table) {
      add(key);
      add(value);
    }
  }
  for (const std::string& row : image.rows) add(row);
  return absl::BytesToHexString(Sha256(all).substr(0, kDigestBytes));
}

}  // namespace civicmesh::civicctl
