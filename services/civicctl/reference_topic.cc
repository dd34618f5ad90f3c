#include "services/civicctl/reference_topic.h"

#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/civicctl/log_reading.h"
#include "services/runtime/base/frame.h"
#include "services/runtime/journal/kafka_journal.h"
#include "services/runtime/shard/reference_reader.h"

namespace civicmesh::civicctl {
namespace {

constexpr Partition kReference{Topic::kJournal, 0};
constexpr absl::Duration kAppendTimeout = absl::Seconds(10);

struct Published {
  std::set<std::string> whole;                // the SHA-256 of the contents all of whose pieces are there
  std::map<std::string, std::string> newest;  // by kind, that of the one which became whole last
};

absl::StatusOr<Published> PublishedContents(Journal& journal) {
  std::map<std::string, std::set<int>> pieces;
  Published published;
  auto read = ReadLog(journal, kReference, {}, [&](const LogRecord& record) {
    auto bytes = Unframe(record.value);
    log::v1::ReferenceChunk chunk;
    if (!bytes.ok() || !chunk.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) return true;
    auto& there = pieces[chunk.sha256()];
    there.insert(chunk.index());
    if (static_cast<int>(there.size()) < chunk.total()) return true;
    published.whole.insert(chunk.sha256());
    if (chunk.index() + 1 == chunk.total()) published.newest[chunk.kind()] = chunk.sha256();
    return true;
  });
  if (!read.ok()) return read.status();
  return published;
}

// Counts acknowledgements.
struct Acknowledged {
  absl::Mutex mutex;
  int open ABSL_GUARDED_BY(mutex) = 0;
  absl::Status first_error ABSL_GUARDED_BY(mutex);

  void Done(const absl::StatusOr<int64_t>& offset) {
    absl::MutexLock lock(&mutex);
    --open;
    first_error.Update(offset.status());
  }
  absl::Status Wait() {
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(
        +[](Acknowledged* a) { return a->open == 0; }, this));
    return first_error;
  }
};

}  // namespace

absl::StatusOr<int> PublishContents(const KafkaOptions& reference, const std::vector<Content>& contents) {
  KafkaJournal journal(reference);
  auto there = PublishedContents(journal);
  if (!there.ok()) return there.status();
  auto acknowledged = std::make_shared<Acknowledged>();
  auto session = journal.NewHandlerAppender(kAppendTimeout);
  int published = 0;
  for (const Content& content : contents) {
    // Of what is not activated the last one published holds: one that was published before is published again.
    const bool holds = !content.holds_when_read || there->newest[content.kind] == content.sha256;
    if (holds && there->whole.count(content.sha256)) continue;
    ++published;
    for (std::string& record : ReferenceRecords(content.kind, content.version, content.bytes)) {
      {
        absl::MutexLock lock(&acknowledged->mutex);
        ++acknowledged->open;
      }
      const auto queued =
          session->Append(kReference, std::move(record), {},
                          [acknowledged](absl::StatusOr<int64_t> offset) { acknowledged->Done(offset); });
      if (!queued.ok()) return queued;
    }
  }
  auto landed = acknowledged->Wait();
  if (!landed.ok()) return absl::UnavailableError(absl::StrCat("the reference topic: ", landed.message()));
  return published;
}

}  // namespace civicmesh::civicctl
