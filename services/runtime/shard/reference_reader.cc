#include "services/runtime/shard/reference_reader.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <utility>

#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/base/log.h"
#include "services/runtime/shard/reference_library.h"

namespace civicmesh {
namespace {

// Below the broker's default of 1 MB a record, frame and headers included.
constexpr size_t kChunkBytes = 900 * 1000;
constexpr Partition kFrom{Topic::kJournal, 0};

}  // namespace

struct ReferenceReader::Impl : LogSink {
  std::unique_ptr<LogReader> reader;
  ReferenceLibrary* library;
  std::map<std::string, std::map<int, std::string>> partial;  // by sha256
  int64_t next = 0;
  std::atomic<bool> stop{false};
  bool restart = true;
  std::thread thread;

  void Run() {
    while (!stop) {
      if (std::exchange(restart, false)) reader->Start(kFrom, next);
      reader->Poll(*this, 100, 500);
    }
  }
  void OnRecord(Partition, LogRecord record) override {
    next = record.offset + 1;
    auto bytes = Unframe(record.value);
    log::v1::ReferenceChunk chunk;
    if (!bytes.ok() || !chunk.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) return;
    auto& parts = partial[chunk.sha256()];
    parts[chunk.index()] = chunk.bytes();
    if (static_cast<int>(parts.size()) < chunk.total()) return;
    std::string content;
    for (const auto& [index, part] : parts) content += part;
    partial.erase(chunk.sha256());
    // A content that no parser takes stays absent: an activation of it waits, visibly, instead of deciding by half of
    // it; and of what needs no activation the one before goes on to hold.
    if (Sha256(content) != chunk.sha256()) return;
    if (auto added = library->Add(chunk.kind(), content); !added.ok())
      Log(Severity::kError, "reference data is not what its kind promises",
          {{"kind", chunk.kind()}, {"version", chunk.version()}, {"why", std::string(added.message())}});
  }
  void OnEnd(Partition, int64_t) override { library->BecomeCurrent(); }
  void OnTrouble(Partition, absl::Status) override { restart = true; }
};

ReferenceReader::ReferenceReader(Journal* journal, ReferenceLibrary* library) : impl_(std::make_unique<Impl>()) {
  impl_->reader = journal->NewReader();
  impl_->library = library;
  impl_->thread = std::thread([this] { impl_->Run(); });
}

ReferenceReader::~ReferenceReader() {
  impl_->stop = true;
  impl_->reader->Wake();
  impl_->thread.join();
}

std::vector<std::string> ReferenceRecords(const std::string& kind, const std::string& version,
                                          std::string_view content) {
  const size_t total = std::max<size_t>(1, (content.size() + kChunkBytes - 1) / kChunkBytes);
  std::vector<std::string> records;
  for (size_t i = 0; i < total; ++i) {
    log::v1::ReferenceChunk chunk;
    chunk.set_kind(kind);
    chunk.set_version(version);
    chunk.set_sha256(Sha256(content));
    chunk.set_index(static_cast<int>(i));
    chunk.set_total(static_cast<int>(total));
    chunk.set_bytes(std::string(content.substr(i * kChunkBytes, kChunkBytes)));
    records.push_back(Frame(chunk.SerializeAsString()));
  }
  return records;
}

}  // namespace civicmesh
