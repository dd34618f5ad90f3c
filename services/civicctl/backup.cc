#include "services/civicctl/backup.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/civicctl/backup_files.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/log_copy.h"
#include "services/civicctl/object_copy.h"
#include "services/civicctl/text_output.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/shard/effective.h"

namespace civicmesh::civicctl {
namespace {

using AllBounds = std::map<TopicPartition, Bounds>;

struct Options {
  KafkaPlace kafka;
  ObjectsPlace objects;
  std::string folder;
  int patience = 60;
};

// What stood everywhere at one moment.
struct Moment {
  std::string time;
  AllBounds bounds;
  GroupOffsets groups;
};

bool SameEnds(const AllBounds& a, const AllBounds& b) {
  for (const auto& [at, bounds] : a)
    if (b.at(at).end != bounds.end) return false;
  return true;
}

std::string RealTime() { return absl::FormatTime(absl::RFC3339_full, Clock::Real()->wall(), absl::UTCTimeZone()); }

// Ends are asked one after the other, so they show one moment only where all are the same when they are asked again.
// Groups before them: one that knows less than it has done repeats it, one that knew more would leave something out.
absl::StatusOr<Moment> AwaitMoment(KafkaCopy& kafka, const std::vector<TopicPartition>& partitions, int patience) {
  const Clock* clock = Clock::Real();
  const int64_t until = clock->steady_ms() + 1000 * patience;
  while (true) {
    auto groups = kafka.GetGroups(partitions);
    if (!groups.ok()) return groups.status();
    auto before = kafka.GetBounds(partitions);
    if (!before.ok()) return before.status();
    const std::string time = RealTime();
    auto after = kafka.GetBounds(partitions);
    if (!after.ok()) return after.status();
    if (SameEnds(*before, *after)) return Moment{time, *std::move(after), *std::move(groups)};
    if (clock->steady_ms() > until)
      return absl::UnavailableError(
          absl::StrCat("in ", patience,
                       " seconds there was no moment at which nothing was written; close the door for a "
                       "moment (stop Envoy), and open it again when this says that it copies"));
  }
}

class Backup {
 public:
  Backup(const Options& options, KafkaCopy& kafka, BackupWriter& writer)
      : options_(options), kafka_(kafka), writer_(writer) {}

  absl::Status Run(std::ostream& out) {
    auto topics = CopiedTopics(kafka_, options_.kafka.shards);
    if (!topics.ok()) return topics.status();
    auto moment = AwaitMoment(kafka_, PartitionsOf(*topics), options_.patience);
    if (!moment.ok()) return moment.status();
    manifest_ = {.made_at = moment->time, .shards = options_.kafka.shards, .groups = std::move(moment->groups)};
    std::cerr << "copies what stood there at " << manifest_.made_at << "; the city may go on\n";
    // Inboxes last: how much of one is decided, its journal says.
    for (const bool inboxes : {false, true})
      for (const CopiedTopic& topic : *topics)
        if ((topic.kind == CopyKind::kInbox) == inboxes)
          if (auto copied = CopyTopic(topic, moment->bounds); !copied.ok()) return copied;
    if (auto finished = writer_.Finish(manifest_); !finished.ok()) return finished;
    table_.Print(out);
    out << "backup of " << manifest_.made_at << " in " << options_.folder
        << ". Keep the secrets of the installation (keys/) too, elsewhere: what is sealed opens with them alone.\n";
    return absl::OkStatus();
  }

 private:
  absl::Status CopyTopic(const CopiedTopic& topic, const AllBounds& bounds) {
    int64_t records = 0;
    for (int i = 0; i < topic.partitions; ++i) {
      const TopicPartition at{topic.name, i};
      CopiedPartition partition{.at = at, .begin = bounds.at(at).begin, .end = bounds.at(at).end};
      if (topic.kind == CopyKind::kInbox) {
        const int64_t undecided = undecided_[{topic.domain, i}];
        if (undecided < partition.begin || undecided > partition.end)
          return absl::DataLossError(absl::StrCat(at.topic, "/", i, " holds ", partition.begin, " to ", partition.end,
                                                  ", its journal goes on at ", undecided));
        partition.begin = undecided;
      }
      if (auto copied = CopyPartition(topic, partition); !copied.ok()) return copied;
      records += partition.records;
      manifest_.partitions.push_back(partition);
    }
    table_.Add({topic.name, absl::StrCat(topic.partitions), absl::StrCat(records)});
    return absl::OkStatus();
  }

  absl::Status CopyPartition(const CopiedTopic& topic, CopiedPartition& partition) {
    if (auto begun = writer_.Begin(partition.at); !begun.ok()) return begun;
    Progress progress(absl::StrCat(partition.at.topic, "/", partition.at.partition), partition.end - partition.begin);
    EffectiveFold fold;
    auto read = kafka_.Read(partition.at, partition.begin, partition.end, [&](CopiedRecord record) {
      if (topic.kind != CopyKind::kCompact && record.offset != partition.begin + partition.records)
        return absl::DataLossError(absl::StrCat(partition.at.topic, "/", partition.at.partition, " has ", record.offset,
                                                " where ", partition.begin + partition.records, " must be"));
      if (topic.kind == CopyKind::kJournal) Take(record, fold);
      ++partition.records;
      progress.Add(1);
      return writer_.Add(record);
    });
    if (topic.kind == CopyKind::kJournal) undecided_[{topic.domain, partition.at.partition}] = fold.inbox.offset() + 1;
    return read;
  }

  // One that cannot be read is not for us to judge: the copy has it as it is.
  static void Take(const CopiedRecord& record, EffectiveFold& fold) {
    const std::string value = record.value.value_or("");
    log::v1::Record decision;
    const auto bytes = Unframe(value);
    if (bytes.ok() && decision.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) fold.Take(decision);
  }

  const Options& options_;
  KafkaCopy& kafka_;
  BackupWriter& writer_;
  Manifest manifest_;
  std::map<std::pair<std::string, int>, int64_t> undecided_;  // by domain and shard, the first command
  Table table_{{"topic", "partitions", "records"}};
};

// After the journals, so that none of them names what is not copied.
absl::Status AddObjectsTo(const std::string& folder, ObjectStore& store, ObjectWriter& writer, std::ostream& out) {
  auto copied = CopyObjects(store, writer);
  if (copied.ok()) copied = writer.Finish(RealTime());
  if (!copied.ok())
    return absl::Status(copied.code(), absl::StrCat(copied.message(), "; ", folder,
                                                    " has the journals, but not all objects: begin again with a new "
                                                    "folder"));
  out << SizeText(writer.objects(), writer.bytes()) << " in " << folder << "/objects\n";
  return absl::OkStatus();
}

absl::Status Run(const Options& options, std::ostream& out) {
  auto kafka = KafkaCopy::Open(options.kafka.Of("backup"));
  if (!kafka.ok()) return kafka.status();
  const auto store = options.objects.Open();
  if (store)
    if (auto answers = CheckStore(*store); !answers.ok()) return answers;
  auto writer = BackupWriter::Create(options.folder);
  if (!writer.ok()) return writer.status();
  std::unique_ptr<ObjectWriter> objects;
  if (store) {
    auto created = ObjectWriter::Create(options.folder);
    if (!created.ok()) return created.status();
    objects = *std::move(created);
  }
  if (auto copied = Backup(options, **kafka, **writer).Run(out); !copied.ok()) return copied;
  if (store) return AddObjectsTo(options.folder, *store, *objects, out);
  out << "Photos and recordings were NOT copied: --objects says which store has them.\n";
  return absl::OkStatus();
}

}  // namespace

Command BackupCommand() {
  return {"backup", "copy all that cannot be made again into a folder, while the city runs", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddKafka(app, options->kafka);
            AddObjects(app, options->objects);
            app.add_option("FOLDER", options->folder, "new or empty")->required();
            app.add_option("--patience", options->patience, "seconds to wait for a moment at which nothing is written")
                ->check(CLI::NonNegativeNumber)
                ->capture_default_str();
            return [options](std::ostream& out) { return Run(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
