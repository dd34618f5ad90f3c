#include "services/civicctl/log_commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/log_reading.h"
#include "services/civicctl/record_text.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/journal/event_id.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/shard/effective.h"

namespace civicmesh::civicctl {
namespace {

constexpr int64_t kLast = -20;

struct Options {
  KafkaPlace kafka;
  std::string domain;
  int shard = -1;  // all
  std::string stream, subject, type;
  int64_t from = kLast;
  int64_t count = std::numeric_limits<int64_t>::max();
  bool raw = false;
};

const Domain& DomainOf(const std::string& name) {
  return *std::find_if(Domains().begin(), Domains().end(), [&](const Domain& d) { return d.name == name; });
}

// The shard that an id carries, whatever its prefix.
std::optional<int> ShardOfStream(const std::string& stream) {
  return ShardOfId(stream.substr(0, stream.find('-')), stream.substr(0, stream.find('.')));
}

std::vector<int> ShardsOf(const Options& options) {
  if (options.shard >= 0) return {options.shard};
  if (const auto shard = ShardOfStream(options.stream); shard && *shard < options.kafka.shards) return {*shard};
  std::vector<int> all(options.kafka.shards);
  for (int i = 0; i < options.kafka.shards; ++i) all[i] = i;
  return all;
}

// Prints what was found of one shard, under its name.
class Printer {
 public:
  Printer(const std::string& domain, int shard, std::ostream& out)
      : name_(absl::StrCat(domain, "/", shard)), out_(out) {}

  void Print(const Lines& lines) {
    if (printed_++ == 0) out_ << name_ << "\n";
    for (const std::string& line : lines) out_ << line << "\n";
  }
  int64_t printed() const { return printed_; }

 private:
  const std::string name_;
  std::ostream& out_;
  int64_t printed_ = 0;
};

bool Touches(const log::v1::Record& record, const std::string& stream) {
  return stream.empty() || record.timer().stream() == stream ||
         std::any_of(record.accepted().streams().begin(), record.accepted().streams().end(),
                     [&](const log::v1::StreamEvents& change) { return change.stream() == stream; });
}

// Where the printing begins: as asked, or counted from the end.
absl::StatusOr<int64_t> First(Journal& journal, Partition at, int64_t from) {
  auto bounds = journal.NewReader()->GetBounds(at);
  if (!bounds.ok()) return absl::UnavailableError(absl::StrCat("Kafka does not answer: ", bounds.status().message()));
  return from < 0 ? std::max(bounds->begin, bounds->end + from) : from;
}

absl::Status PrintJournal(const Options& options, Journal& journal, int shard, Printer& printer) {
  const Domain& domain = DomainOf(options.domain);
  auto first = First(journal, {Topic::kJournal, shard}, options.from);
  if (!first.ok()) return first.status();
  Progress progress(absl::StrCat("reading ", domain.name, "/", shard), *first);
  EffectiveFold fold;
  auto take = [&](const LogRecord& raw) {
    progress.Add(1);
    auto bytes = Unframe(raw.value);
    log::v1::Record record;
    const bool readable = bytes.ok() && record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()));
    const bool effective = readable && fold.Take(record);
    if (raw.offset < *first) return true;
    if (options.raw) {
      printer.Print({absl::Base64Escape(raw.value)});
    } else if (!readable) {
      printer.Print({absl::StrCat(raw.offset, "  does not decode")});
    } else if (Touches(record, options.stream)) {
      printer.Print(RecordLines(record, raw.offset, effective, domain));
    }
    return printer.printed() < options.count;
  };
  return ReadLog(journal, {Topic::kJournal, shard}, {}, take).status();
}

absl::Status PrintEvents(const Options& options, Journal& journal, int shard, Printer& printer) {
  auto take = [&](const LogRecord& record) {
    const bool wanted = (options.subject.empty() || HeaderOf(record, "ce_subject") == options.subject) &&
                        (options.type.empty() || absl::EndsWith("." + HeaderOf(record, "ce_type"), "." + options.type));
    if (wanted) printer.Print(EventLines(record));
    return printer.printed() < options.count;
  };
  return ReadLog(journal, {Topic::kEvents, shard}, {.from = options.from}, take).status();
}

using PrintShard = absl::Status (*)(const Options&, Journal&, int, Printer&);

absl::Status PrintShards(const Options& options, PrintShard print, std::ostream& out) {
  if (options.shard >= options.kafka.shards)
    return absl::InvalidArgumentError(absl::StrCat("there are shards 0 to ", options.kafka.shards - 1, " (--shards)"));
  KafkaJournal journal(options.kafka.Of(options.domain));
  int64_t printed = 0;
  for (int shard : ShardsOf(options)) {
    Printer printer(options.domain, shard, out);
    if (auto done = print(options, journal, shard, printer); !done.ok()) return done;
    printed += printer.printed();
  }
  if (printed == 0) out << "nothing\n";
  return absl::OkStatus();
}

std::shared_ptr<Options> AddOptions(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddKafka(app, options->kafka);
  AddDomain(app, options->domain, "whose")->required();
  app.add_option("--shard", options->shard, "one shard only")->check(CLI::NonNegativeNumber);
  app.add_option("--count", options->count, "so many of each shard at most")->check(CLI::PositiveNumber);
  return options;
}

}  // namespace

Command JournalCommand() {
  return {"journal", "print a domain's decisions", [](CLI::App& app) {
            auto options = AddOptions(app);
            CLI::Option* from = app.add_option(
                "--from", options->from, "the first offset; below 0: so many before the end (-20 where not given)");
            app.add_option("--stream", options->stream,
                           "what concerns this stream only, as c-0a7m…, from its beginning");
            app.add_flag("--raw", options->raw, "each record's bytes in base64, void ones too");
            return [options, from](std::ostream& out) {
              if (!options->stream.empty() && from->count() == 0) options->from = 0;
              return PrintShards(*options, PrintJournal, out);
            };
          }};
}

Command EventsCommand() {
  return {"events", "print a domain's public facts", [](CLI::App& app) {
            auto options = AddOptions(app);
            CLI::Option* from = app.add_option(
                "--from", options->from, "the first offset; below 0: so many before the end (-20 where not given)");
            app.add_option("--subject", options->subject, "of this subject only, as the events name it");
            app.add_option("--type", options->type, "of this type only, as CaseClosed");
            return [options, from](std::ostream& out) {
              const bool searches = !options->subject.empty() || !options->type.empty();
              if (searches && from->count() == 0) options->from = 0;
              return PrintShards(*options, PrintEvents, out);
            };
          }};
}

}  // namespace civicmesh::civicctl
