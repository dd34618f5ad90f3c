#include "services/civicctl/backup_files.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/civicctl/copied_record.pb.h"
#include "services/civicctl/copy_files.h"
#include "services/civicctl/files.h"
#include "services/runtime/base/frame.h"

namespace civicmesh::civicctl {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr char kManifest[] = "manifest.json";
constexpr size_t kLengthBytes = 4;
constexpr uint32_t kLongestRecord = 64 << 20;  // far above what Kafka takes: a longer one is damage

std::string FileOf(const TopicPartition& at) { return absl::StrCat(at.topic, "/", at.partition); }
std::string In(const std::string& folder, const std::string& file) { return absl::StrCat(folder, "/", file); }

std::string Encode(const CopiedRecord& record) {
  v1::CopiedRecord message;
  message.set_offset(record.offset);
  message.set_time_ms(record.time_ms);
  if (record.key) message.set_key(*record.key);
  if (record.value) message.set_value(*record.value);
  for (const auto& [name, value] : record.headers) {
    auto* header = message.add_headers();
    header->set_name(name);
    header->set_value(value);
  }
  const std::string framed = Frame(message.SerializeAsString());
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(framed.size() >> shift & 0xff));
  return out + framed;
}

absl::StatusOr<CopiedRecord> Decode(const std::string& framed) {
  const auto bytes = Unframe(framed);
  if (!bytes.ok()) return bytes.status();
  v1::CopiedRecord message;
  if (!message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) return absl::DataLossError("no record");
  CopiedRecord record{.offset = message.offset(), .time_ms = message.time_ms()};
  if (message.has_key()) record.key = message.key();
  if (message.has_value()) record.value = message.value();
  for (const auto& header : message.headers()) record.headers.emplace_back(header.name(), header.value());
  return record;
}

std::string ToJson(const Manifest& manifest) {
  nlohmann::json partitions = nlohmann::json::array(), groups = nlohmann::json::array();
  for (const CopiedPartition& p : manifest.partitions)
    partitions.push_back({{"topic", p.at.topic},
                          {"partition", p.at.partition},
                          {"begin", p.begin},
                          {"end", p.end},
                          {"records", p.records}});
  for (const auto& [of, offset] : manifest.groups)
    groups.push_back(
        {{"group", of.first}, {"topic", of.second.topic}, {"partition", of.second.partition}, {"offset", offset}});
  const nlohmann::json all{{"format", kFormat},
                           {"made_at", manifest.made_at},
                           {"shards", manifest.shards},
                           {"partitions", partitions},
                           {"groups", groups}};
  return all.dump(1) + "\n";
}

absl::StatusOr<Manifest> FromJson(const std::string& text, const std::string& path) {
  const nlohmann::json all = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!all.is_object() || !all.contains("format")) return Damaged(path, "no manifest");
  if (all["format"] != kFormat)
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has format ", all["format"].dump(), ", this civicctl reads ", kFormat));
  try {
    Manifest manifest{.made_at = all["made_at"], .shards = all["shards"]};
    for (const auto& p : all["partitions"])
      manifest.partitions.push_back(
          {.at = {p["topic"], p["partition"]}, .begin = p["begin"], .end = p["end"], .records = p["records"]});
    for (const auto& g : all["groups"])
      manifest.groups[{g["group"], {g["topic"], g["partition"]}}] = g["offset"].get<int64_t>();
    return manifest;
  } catch (const nlohmann::json::exception& wrong) {
    return Damaged(path, wrong.what());
  }
}

using Input = std::unique_ptr<FILE, int (*)(FILE*)>;

absl::StatusOr<Input> OpenInput(const std::string& path) {
  Input file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) return Trouble("read", path);
  return file;
}

// False: the file ends here.
absl::StatusOr<bool> ReadFramed(FILE* file, const std::string& path, std::string& framed) {
  std::array<unsigned char, kLengthBytes> length;
  const size_t got = std::fread(length.data(), 1, length.size(), file);
  if (got == 0 && std::feof(file)) return false;
  uint32_t size = 0;
  for (const unsigned char byte : length) size = size << 8 | byte;
  if (got < length.size() || size > kLongestRecord) return Damaged(path, "a record's length");
  framed.resize(size);
  if (std::fread(framed.data(), 1, size, file) != size) return Damaged(path, "it ends within a record");
  return true;
}

absl::Status CheckRecords(const std::string& folder, const CopiedPartition& partition) {
  const std::string path = In(folder, FileOf(partition.at));
  int64_t records = 0, last = partition.begin - 1;
  auto read = ReadRecords(folder, partition.at, [&](const CopiedRecord& record) {
    if (record.offset <= last || record.offset >= partition.end) return Damaged(path, "records out of order");
    last = record.offset;
    ++records;
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return records == partition.records ? absl::OkStatus() : Damaged(path, "records are missing");
}

}  // namespace

struct BackupWriter::Impl {
  std::string folder;
  Sums sums;
  std::string name;  // of the file that is being written
  std::unique_ptr<NewFile> file;

  absl::Status Complete() {
    if (!file) return absl::OkStatus();
    auto sum = file->Close(NewFile::When::kOnDisk);
    file.reset();
    if (sum.ok()) sums[name] = *sum;
    return sum.status();
  }

  absl::Status Open(const std::string& of) {
    if (auto completed = Complete(); !completed.ok()) return completed;
    name = of;
    file = std::make_unique<NewFile>();
    return file->Open(In(folder, name));
  }

  absl::Status Whole(const std::string& of, const std::string& text) {
    if (auto opened = Open(of); !opened.ok()) return opened;
    if (auto written = file->Write(text); !written.ok()) return written;
    return Complete();
  }
};

BackupWriter::BackupWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

BackupWriter::~BackupWriter() = default;

absl::StatusOr<std::unique_ptr<BackupWriter>> BackupWriter::Create(const std::string& folder) {
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return Trouble("make", folder);
  std::error_code failed;
  const bool empty = fs::is_empty(folder, failed);
  if (failed) return absl::PermissionDeniedError(absl::StrCat(folder, ": ", failed.message()));
  if (!empty)
    return absl::FailedPreconditionError(absl::StrCat(folder, " is not empty: a backup wants a folder of its own"));
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  return std::unique_ptr<BackupWriter>(new BackupWriter(std::move(impl)));
}

absl::Status BackupWriter::Begin(const TopicPartition& at) {
  const std::string folder = In(impl_->folder, at.topic);
  if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return Trouble("make", folder);
  return impl_->Open(FileOf(at));
}

absl::Status BackupWriter::Add(const CopiedRecord& record) { return impl_->file->Write(Encode(record)); }

absl::Status BackupWriter::Finish(const Manifest& manifest) {
  if (auto written = impl_->Whole(kManifest, ToJson(manifest)); !written.ok()) return written;
  std::string sums;
  for (const auto& [file, sum] : impl_->sums) sums += SumsLine(file, sum);
  return impl_->Whole(kSums, sums);
}

int64_t BackupBytes(const std::string& folder) {
  int64_t bytes = 0;
  std::error_code failed;
  for (const auto& entry : fs::recursive_directory_iterator(folder, failed))
    if (entry.is_regular_file(failed)) bytes += static_cast<int64_t>(entry.file_size(failed));
  return bytes;
}

absl::StatusOr<Manifest> CheckBackup(const std::string& folder, const std::function<void(int64_t)>& progress) {
  auto sums = ReadSums(folder);
  if (!sums.ok())
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is no backup, or one that was not finished: no ", kSums));
  for (const auto& [file, sum] : *sums)
    if (auto checked = CheckSum(In(folder, file), sum, progress); !checked.ok()) return checked;
  if (!sums->count(kManifest)) return Damaged(In(folder, kSums), "it does not name the manifest");
  auto text = ReadFile(In(folder, kManifest));
  if (!text.ok()) return text.status();
  auto manifest = FromJson(*text, In(folder, kManifest));
  if (!manifest.ok()) return manifest;
  for (const CopiedPartition& partition : manifest->partitions) {
    if (!sums->count(FileOf(partition.at))) return Damaged(In(folder, kSums), FileOf(partition.at) + " is missing");
    if (auto checked = CheckRecords(folder, partition); !checked.ok()) return checked;
  }
  return manifest;
}

absl::Status ReadRecords(const std::string& folder, const TopicPartition& at,
                         const std::function<absl::Status(const CopiedRecord&)>& take) {
  const std::string path = In(folder, FileOf(at));
  auto file = OpenInput(path);
  if (!file.ok()) return file.status();
  std::string framed;
  while (true) {
    auto more = ReadFramed(file->get(), path, framed);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    auto record = Decode(framed);
    if (!record.ok()) return Damaged(path, std::string(record.status().message()));
    if (auto taken = take(*record); !taken.ok()) return taken;
  }
}

}  // namespace civicmesh::civicctl
