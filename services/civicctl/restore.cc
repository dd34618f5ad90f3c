#include "services/civicctl/restore.h"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ostream>
#include <set>

#include "absl/strings/str_cat.h"
#include "services/civicctl/backup_files.h"
#include "services/civicctl/connection.h"
#include "services/civicctl/log_copy.h"
#include "services/civicctl/object_copy.h"
#include "services/civicctl/text_output.h"

namespace civicmesh::civicctl {
namespace {

struct Options {
  KafkaPlace kafka;
  ObjectsPlace objects;
  std::string folder;
};

std::string NameOf(const TopicPartition& at) { return absl::StrCat(at.topic, "/", at.partition); }

class Restoring {
 public:
  Restoring(const Options& options, const Manifest& manifest, KafkaCopy& kafka)
      : options_(options), manifest_(manifest), kafka_(kafka) {}

  // Whether it can be restored here; writes nothing.
  absl::Status Check() {
    if (manifest_.shards != options_.kafka.shards)
      return absl::FailedPreconditionError(absl::StrCat("the backup is of an installation with ", manifest_.shards,
                                                        " shards, --shards says ", options_.kafka.shards));
    return CheckTarget();
  }

  absl::Status Run(std::ostream& out) {
    for (const CopiedPartition& partition : manifest_.partitions)
      if (auto written = Write(partition); !written.ok()) return written;
    if (auto ended = CheckEnds(); !ended.ok()) return ended;
    if (auto set = kafka_.SetGroups(manifest_.groups); !set.ok()) return set;
    out << "restored what stood there at " << manifest_.made_at << ": " << records_ << " records in "
        << manifest_.partitions.size() << " partitions, " << manifest_.groups.size()
        << " offsets of groups. Redis must be empty when the services start.\n";
    return absl::OkStatus();
  }

 private:
  absl::Status CheckTarget() {
    auto topics = CopiedTopics(kafka_, options_.kafka.shards);
    if (!topics.ok()) return topics.status();
    for (const CopiedTopic& topic : *topics) kinds_[topic.name] = topic.kind;
    const std::vector<TopicPartition> there = PartitionsOf(*topics);
    const std::set<TopicPartition> known(there.begin(), there.end());
    for (const CopiedPartition& partition : manifest_.partitions)
      if (!known.count(partition.at))
        return absl::FailedPreconditionError(
            absl::StrCat("there is no ", NameOf(partition.at), " to restore into: civicctl topics create"));
    auto bounds = kafka_.GetBounds(there);
    if (!bounds.ok()) return bounds.status();
    for (const auto& [at, found] : *bounds)
      if (found.end > 0)
        return absl::FailedPreconditionError(
            absl::StrCat(NameOf(at), " is not empty (", found.end,
                         " records): restore into a new installation whose services have not been started"));
    return absl::OkStatus();
  }

  absl::Status Write(const CopiedPartition& partition) {
    const bool same_offsets = kinds_[partition.at.topic] != CopyKind::kCompact;
    Progress progress(NameOf(partition.at), partition.records + (same_offsets ? partition.begin : 0));
    if (same_offsets && partition.begin > 0) {
      for (int64_t i = 0; i < partition.begin; ++i) {
        if (auto filled = kafka_.Append(partition.at, {.value = ""}); !filled.ok()) return filled;
        progress.Add(1);
      }
      if (auto flushed = kafka_.Flush(); !flushed.ok()) return flushed;
      if (auto deleted = kafka_.DeleteBefore(partition.at, partition.begin); !deleted.ok()) return deleted;
    }
    auto read = ReadRecords(options_.folder, partition.at, [&](const CopiedRecord& record) {
      progress.Add(1);
      ++records_;
      return kafka_.Append(partition.at, record);
    });
    return read.ok() ? kafka_.Flush() : read;
  }

  // One that wrote more or less than it thinks would be found by the services only, one after the other.
  absl::Status CheckEnds() {
    std::vector<TopicPartition> written;
    for (const CopiedPartition& partition : manifest_.partitions) written.push_back(partition.at);
    auto bounds = kafka_.GetBounds(written);
    if (!bounds.ok()) return bounds.status();
    for (const CopiedPartition& partition : manifest_.partitions) {
      const Bounds& found = bounds->at(partition.at);
      const bool same = found.begin == partition.begin && found.end == partition.end;
      if (!same && kinds_[partition.at.topic] != CopyKind::kCompact)
        return absl::DataLossError(absl::StrCat(NameOf(partition.at), " holds ", found.begin, " to ", found.end,
                                                ", not ", partition.begin, " to ", partition.end));
    }
    return absl::OkStatus();
  }

  const Options& options_;
  const Manifest& manifest_;
  KafkaCopy& kafka_;
  std::map<std::string, CopyKind> kinds_;
  int64_t records_ = 0;
};

struct WholeBackup {
  Manifest manifest;
  std::vector<CopiedObject> objects;
};

absl::StatusOr<WholeBackup> CheckAll(const std::string& folder, bool with_objects) {
  Progress progress("checking the backup", BackupBytes(folder));
  const auto add = [&](int64_t bytes) { progress.Add(bytes); };
  auto manifest = CheckBackup(folder, add);
  if (!manifest.ok()) return manifest.status();
  if (!with_objects) return WholeBackup{*std::move(manifest), {}};
  auto objects = CheckObjects(folder, add);
  if (!objects.ok()) return objects.status();
  return WholeBackup{*std::move(manifest), *std::move(objects)};
}

// Either would leave out what somebody thinks is there.
absl::Status CheckAsked(const std::string& folder, bool with_objects) {
  if (HasObjects(folder) && !with_objects)
    return absl::FailedPreconditionError(
        absl::StrCat(folder,
                     " has photos and recordings: say with --objects and --objects-login-file which store they go "
                     "into; or move ",
                     folder, "/objects away to restore without them"));
  if (!HasObjects(folder) && with_objects)
    return absl::FailedPreconditionError(absl::StrCat(
        folder,
        " has no objects: it was made without --objects, so photos and recordings cannot be restored from it; "
        "leave --objects out to restore the rest"));
  return absl::OkStatus();
}

absl::Status Halfway(const absl::Status& why) {
  return absl::Status(why.code(),
                      absl::StrCat(why.message(),
                                   "; the installation holds a part of the backup: empty it (its topics and "
                                   "buckets, or deploy/down --purge) and begin again"));
}

absl::Status Run(const Options& options, std::ostream& out) {
  const auto store = options.objects.Open();
  if (auto asked = CheckAsked(options.folder, store != nullptr); !asked.ok()) return asked;
  auto backup = CheckAll(options.folder, store != nullptr);
  if (!backup.ok()) return backup.status();
  auto kafka = KafkaCopy::Open(options.kafka.Of("restore"));
  if (!kafka.ok()) return kafka.status();
  Restoring journals(options, backup->manifest, **kafka);
  if (auto fit = journals.Check(); !fit.ok()) return fit;
  if (store) {
    if (auto empty = CheckEmpty(*store); !empty.ok()) return empty;
    // First, so that no journal names what is not there.
    if (auto put = RestoreObjects(*store, options.folder, backup->objects); !put.ok()) return Halfway(put);
    int64_t bytes = 0;
    for (const CopiedObject& object : backup->objects) bytes += object.size;
    out << "restored " << SizeText(static_cast<int64_t>(backup->objects.size()), bytes) << "\n";
  }
  if (auto written = journals.Run(out); !written.ok()) return Halfway(written);
  if (!store) out << "The backup has no photos and recordings: what the journals name of them is missing.\n";
  return absl::OkStatus();
}

}  // namespace

Command RestoreCommand() {
  return {"restore", "write what backup copied into an installation that is empty", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddKafka(app, options->kafka);
            AddObjects(app, options->objects);
            app.add_option("FOLDER", options->folder, "that backup made")->required()->check(CLI::ExistingDirectory);
            return [options](std::ostream& out) { return Run(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
