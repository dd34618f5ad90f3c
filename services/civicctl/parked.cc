#include "services/civicctl/parked.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/log_reading.h"
#include "services/civicctl/record_text.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/journal/event_id.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/shard/effective.h"

namespace civicmesh::civicctl {
namespace {

using log::v1::Record;

constexpr absl::Duration kAppendTimeout = absl::Seconds(10);
constexpr char kEventPrefix[] = "event";
constexpr int kMaxHexBytes = 64;

struct Options {
  KafkaPlace kafka;
  std::string domain;
  bool all = false;
  std::vector<std::string> ids;
};

struct ParkedId {
  bool event = false;
  int shard = 0;
  int64_t offset = 0;
};

absl::StatusOr<ParkedId> ReadId(const std::string& text, int shards) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  ParkedId id{.event = parts.first == kEventPrefix};
  const bool read = (id.event || (absl::SimpleAtoi(parts.first, &id.shard) && id.shard >= 0 && id.shard < shards)) &&
                    absl::SimpleAtoi(parts.second, &id.offset) && id.offset >= 0;
  if (!read)
    return absl::InvalidArgumentError(
        absl::StrCat("no parked record is called ", text, "; `civicctl parked list` names them"));
  return id;
}

struct ParkedRow {
  int64_t when_ms = 0;
  std::string what, error;
  size_t bytes = 0;
};

class ParkedRecords {
 public:
  ParkedRecords(const Options& options)
      : domain_(*std::find_if(Domains().begin(), Domains().end(),
                              [&](const Domain& d) { return d.name == options.domain; })),
        shards_(options.kafka.shards),
        journal_(options.kafka.Of(options.domain)),
        reader_(journal_.NewReader()) {}

  absl::Status List(bool all, std::ostream& out) {
    for (int shard = 0; shard < shards_; ++shard) {
      auto read = ReadLog(journal_, {Topic::kParked, shard}, {}, [&](const LogRecord& r) {
        TakeTopic(shard, r);
        return true;
      });
      if (!read.ok()) return read.status();
      if (!all) continue;
      if (auto old = ListJournal(shard); !old.ok()) return old;
    }
    if (rows_.empty()) {
      out << "nothing is parked" << (all ? "" : " (older than 90 days: --all)") << "\n";
      return absl::OkStatus();
    }
    Table table({"id", "when", "what", "bytes", "why"});
    for (const auto& [id, row] : rows_)
      table.Add({Name(id), TimeText(row.when_ms), row.what, absl::StrCat(row.bytes), row.error});
    table.Print(out);
    return absl::OkStatus();
  }

  absl::Status Show(const ParkedId& id, std::ostream& out) {
    if (id.event) return ShowEvent(id, out);
    auto record = ReadParked(id);
    if (!record.ok()) return record.status();
    for (const std::string& line : RecordLines(*record, id.offset, /*effective=*/true, domain_)) out << line << "\n";
    log::v1::Command command;
    const std::string& original = record->parked().original();
    if (auto bytes = Unframe(original);
        bytes.ok() && command.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
      for (const std::string& line : CommandLines(command, domain_)) out << line << "\n";
    } else {
      out << "      " << absl::BytesToHexString(original.substr(0, kMaxHexBytes))
          << (original.size() > kMaxHexBytes ? "…" : "") << "\n";
    }
    return absl::OkStatus();
  }

  absl::Status Replay(const ParkedId& id, std::ostream& out) {
    if (id.event)
      return absl::InvalidArgumentError(
          absl::StrCat(Name({true, 0, id.offset}),
                       " is another domain's event, which stands on its topic for ever: a release "
                       "whose policy can read it starts its group at that event again"));
    auto record = ReadParked(id);
    if (!record.ok()) return record.status();
    if (record->parked().original().empty())
      return absl::FailedPreconditionError(absl::StrCat("the journal does not hold the bytes of ", Name(KeyOf(id)),
                                                        " (", record->parked().error(), ")"));
    auto landed = AppendToInbox(id.shard, record->parked().original());
    if (!landed.ok())
      return absl::UnavailableError(absl::StrCat("it is unknown whether ", Name(KeyOf(id)), " was appended (",
                                                 landed.status().message(), "); the same again is safe"));
    out << Name(KeyOf(id)) << " stands in the inbox of " << domain_.name << "/" << id.shard << " at " << *landed
        << "\n";
    return absl::OkStatus();
  }

 private:
  using Key = std::tuple<bool, int, int64_t>;  // as ParkedId

  static Key KeyOf(const ParkedId& id) { return {id.event, id.shard, id.offset}; }
  static std::string Name(const Key& key) {
    const auto& [event, shard, offset] = key;
    return event ? absl::StrCat(kEventPrefix, "/", offset) : absl::StrCat(shard, "/", offset);
  }

  void TakeTopic(int shard, const LogRecord& record) {
    const std::string policy = HeaderOf(record, "civicmesh-policy");
    ParkedRow row{
        .when_ms = record.time_ms, .error = HeaderOf(record, "civicmesh-error"), .bytes = record.value.size()};
    int64_t at = 0;
    if (!policy.empty()) {
      row.what = absl::StrCat("policy ", policy, " on ", HeaderOf(record, "ce_id"));
      rows_[{true, 0, record.offset}] = row;
    } else if (absl::SimpleAtoi(HeaderOf(record, "civicmesh-journal-offset"), &at)) {
      row.what = HeaderOf(record, "civicmesh-method");
      rows_[{false, shard, at}] = row;
    }
  }

  // What the topic no longer holds.
  absl::Status ListJournal(int shard) {
    auto bounds = reader_->GetBounds({Topic::kJournal, shard});
    if (!bounds.ok()) return bounds.status();
    Progress progress(absl::StrCat("reading ", domain_.name, "/", shard), bounds->end);
    EffectiveFold fold;
    return ReadLog(journal_, {Topic::kJournal, shard}, {},
                   [&](const LogRecord& raw) {
                     progress.Add(1);
                     Record record;
                     if (!Decode(raw, record) || !fold.Take(record) || !record.has_parked()) return true;
                     rows_.try_emplace({false, shard, raw.offset},
                                       ParkedRow{.when_ms = record.now_ms(),
                                                 .what = record.method(),
                                                 .error = record.parked().error(),
                                                 .bytes = record.parked().original().size()});
                     return true;
                   })
        .status();
  }

  static bool Decode(const LogRecord& raw, Record& record) {
    auto bytes = Unframe(raw.value);
    return bytes.ok() && record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()));
  }

  absl::StatusOr<Record> ReadParked(const ParkedId& id) {
    auto raw = reader_->ReadAt({Topic::kJournal, id.shard}, id.offset);
    Record record;
    if (raw.ok() && Decode(*raw, record) && record.has_parked()) return record;
    if (raw.ok() || absl::IsNotFound(raw.status()))
      return absl::NotFoundError(absl::StrCat(domain_.name, " has nothing parked at ", Name(KeyOf(id)),
                                              "; `civicctl parked list` says what there is"));
    return raw.status();
  }

  absl::Status ShowEvent(const ParkedId& id, std::ostream& out) {
    auto record = reader_->ReadAt({Topic::kParked, 0}, id.offset);
    if (!record.ok()) return record.status();
    out << "policy " << HeaderOf(*record, "civicmesh-policy") << ": " << HeaderOf(*record, "civicmesh-error") << "\n";
    for (const std::string& line : EventLines(*record)) out << line << "\n";
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> AppendToInbox(int shard, const std::string& bytes) {
    struct Landing {
      absl::Notification done;
      absl::StatusOr<int64_t> offset;
    };
    auto landing = std::make_shared<Landing>();
    auto session = journal_.NewHandlerAppender(kAppendTimeout);
    auto queued = session->Append({Topic::kInbox, shard}, bytes, {}, [landing](absl::StatusOr<int64_t> offset) {
      landing->offset = std::move(offset);
      landing->done.Notify();
    });
    if (!queued.ok()) return queued;
    landing->done.WaitForNotification();
    return landing->offset;
  }

  const Domain& domain_;
  const int shards_;
  KafkaJournal journal_;
  std::unique_ptr<LogReader> reader_;
  std::map<Key, ParkedRow> rows_;
};

using Each = absl::Status (ParkedRecords::*)(const ParkedId&, std::ostream&);

absl::Status ForEachId(const Options& options, Each each, std::ostream& out) {
  std::vector<ParkedId> ids;
  for (const std::string& text : options.ids) {
    auto id = ReadId(text, options.kafka.shards);
    if (!id.ok()) return id.status();
    ids.push_back(*id);
  }
  ParkedRecords records(options);
  for (const ParkedId& id : ids)
    if (auto done = (records.*each)(id, out); !done.ok()) return done;
  return absl::OkStatus();
}

}  // namespace

Command ParkedCommand() {
  return {"parked", "list, show or replay what a domain could not handle", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            app.require_subcommand(1);
            auto add = [&](const char* name, const char* about) {
              CLI::App* sub = app.add_subcommand(name, about);
              AddKafka(*sub, options->kafka);
              AddDomain(*sub, options->domain, "whose")->required();
              return sub;
            };
            CLI::App* list = add("list", "what is parked");
            list->add_flag("--all", options->all, "also what is older than the parked topic: reads whole journals");
            CLI::App* show = add("show", "one of them whole");
            CLI::App* replay = add("replay",
                                   "append its very bytes to the inbox again; a shard that has answered it before "
                                   "changes nothing");
            for (CLI::App* sub : {show, replay})
              sub->add_option("id", options->ids, "as the list names it: 3/412")->required();
            return [=](std::ostream& out) -> absl::Status {
              if (list->parsed()) return ParkedRecords(*options).List(options->all, out);
              return ForEachId(*options, show->parsed() ? &ParkedRecords::Show : &ParkedRecords::Replay, out);
            };
          }};
}

}  // namespace civicmesh::civicctl
