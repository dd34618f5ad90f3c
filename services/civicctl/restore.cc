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
#include "services/civicctl/text_output.h"

namespace civicmesh::civicctl {
namespace {

struct Options {
  KafkaPlace kafka;
  std::string folder;
};

std::string NameOf(const TopicPartition& at) { return absl::StrCat(at.topic, "/", at.partition); }

class Restoring {
 public:
  Restoring(const Options& options, const Manifest& manifest, KafkaCopy& kafka)
      : options_(options), manifest_(manifest), kafka_(kafka) {}

  absl::Status Run(std::ostream& out) {
    if (manifest_.shards != options_.kafka.shards)
      return absl::FailedPreconditionError(absl::StrCat("the backup is of an installation with ", manifest_.shards,
                                                        " shards, --shards says ", options_.kafka.shards));
    if (auto fit = CheckTarget(); !fit.ok()) return fit;
    for (const CopiedPartition& partition : manifest_.partitions)
      if (auto written = Write(partition); !written.ok()) return Halfway(written);
    if (auto ended = CheckEnds(); !ended.ok()) return Halfway(ended);
    if (auto set = kafka_.SetGroups(manifest_.groups); !set.ok()) return Halfway(set);
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

  static absl::Status Halfway(const absl::Status& why) {
    return absl::Status(why.code(),
                        absl::StrCat(why.message(),
                                     "; the installation holds a part of the backup: empty it (its topics, or "
                                     "deploy/down --purge) and begin again"));
  }

  const Options& options_;
  const Manifest& manifest_;
  KafkaCopy& kafka_;
  std::map<std::string, CopyKind> kinds_;
  int64_t records_ = 0;
};

absl::Status Run(const Options& options, std::ostream& out) {
  absl::StatusOr<Manifest> manifest;
  {
    Progress progress("checking the backup", BackupBytes(options.folder));
    manifest = CheckBackup(options.folder, [&](int64_t bytes) { progress.Add(bytes); });
  }
  if (!manifest.ok()) return manifest.status();
  auto kafka = KafkaCopy::Open(options.kafka.Of("restore"));
  if (!kafka.ok()) return kafka.status();
  return Restoring(options, *manifest, **kafka).Run(out);
}

}  // namespace

Command RestoreCommand() {
  return {"restore", "write what backup copied into an installation that is empty", [](CLI::App& app) {
            auto options = std::make_shared<Options>();
            AddKafka(app, options->kafka);
            app.add_option("FOLDER", options->folder, "that backup made")->required()->check(CLI::ExistingDirectory);
            return [options](std::ostream& out) { return Run(*options, out); };
          }};
}

}  // namespace civicmesh::civicctl
