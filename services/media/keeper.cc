#include "services/media/keeper.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "civicmesh/dispatch/v1/dispatch_events.pb.h"
#include "civicmesh/intake/v1/intake_events.pb.h"
#include "civicmesh/media/v1/media_kept.pb.h"
#include "services/runtime/base/log.h"
#include "services/runtime/decider/uploads.h"
#include "services/runtime/objects/buckets.h"
#include "services/runtime/shard/policy_runner.h"

namespace civicmesh::media {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kMaxEvents = 500, kPage = 1000;
constexpr size_t kMaxSmall = 64 << 10;
constexpr char kBytes[] = "application/octet-stream";
constexpr const char* kFiles[] = {"photo.jpg", "thumbnail.jpg", "voice.ogg", "facts"};

std::string UsedKey(const std::string& upload) { return absl::StrCat(upload, "/used"); }
std::string ErasedKey(const std::string& owner) { return absl::StrCat("erased/", owner); }
std::string HeardKey(const std::string& domain, int shard) { return absl::StrCat(kHeard, domain, "/", shard); }
std::string OwnersOf(const std::string& owner) { return absl::StrCat("owners/", owner, "/"); }

// The event, where it is one of those that may name uploads.
std::unique_ptr<Message> Read(const PublicFact& fact) {
  static const google::protobuf::FileDescriptor* const kSources[] = {intake::v1::ReportSubmitted::descriptor()->file(),
                                                                     dispatch::v1::CaseOpened::descriptor()->file()};
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(fact.type);
  if (!type || (type->file() != kSources[0] && type->file() != kSources[1]) || !type->FindFieldByName("uploads"))
    return nullptr;
  std::unique_ptr<Message> event(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  return event->ParseFromString(fact.bytes) ? std::move(event) : nullptr;
}

// One that a reader delivers; its partition is read no further once an event could not be acted on.
struct Sink : LogSink {
  Sink(Keeper* k, GroupReader* s) : keeper(k), source(s) {}
  void OnRecord(Partition from, LogRecord record) override {
    if (!failed.ok()) return;
    // What is no event of ours names nothing.
    if (auto fact = ParseFact(record); fact.ok()) failed = keeper->Act(*fact);
    if (failed.ok()) source->Commit(from.shard, record.offset + 1);
  }
  void OnEnd(Partition, int64_t) override {}
  void OnTrouble(Partition, absl::Status) override {}

  Keeper* const keeper;
  GroupReader* const source;
  absl::Status failed;
};

}  // namespace

Keeper::Keeper(ObjectStore* store, std::vector<Source> sources, std::function<absl::Time()> now)
    : store_(store), sources_(std::move(sources)), now_(std::move(now)) {}

absl::Status Keeper::Turn(int wait_ms) {
  for (const Source& source : sources_) {
    Sink sink(this, source.reader);
    source.reader->Poll(sink, kMaxEvents, wait_ms);
    if (sink.failed.ok()) continue;
    source.reader->Rewind();
    return sink.failed;
  }
  return NoteWhatWasHeard(/*again=*/false);
}

absl::Status Keeper::Act(const PublicFact& fact) {
  const absl::Time at = absl::FromUnixMillis(fact.time_ms);
  if (fact.type == intake::v1::PersonalDataErased::descriptor()->full_name()) {
    intake::v1::PersonalDataErased erased;
    if (!erased.ParseFromString(fact.bytes)) return absl::OkStatus();
    return Erase(erased.person_token().empty() ? erased.report() : erased.person_token(), at);
  }
  const auto event = Read(fact);
  if (!event) return absl::OkStatus();
  std::string person;
  if (fact.type == intake::v1::ReportSubmitted::descriptor()->full_name() ||
      fact.type == intake::v1::ReportSupplemented::descriptor()->full_name()) {
    const Message& context =
        event->GetReflection()->GetMessage(*event, event->GetDescriptor()->FindFieldByName("context"));
    const auto& report = static_cast<const intake::v1::ReportContext&>(context);
    person = report.reporter_token().empty() ? report.report() : report.reporter_token();
  }
  const FieldDescriptor* uploads = event->GetDescriptor()->FindFieldByName("uploads");
  for (int i = 0; i < event->GetReflection()->FieldSize(*event, uploads); ++i) {
    const std::string name = event->GetReflection()->GetRepeatedString(*event, uploads, i);
    if (std::string_view(name).substr(0, kUploads.size()) != kUploads) continue;
    if (auto used = Use(name.substr(kUploads.size()), fact.subject, person, at); !used.ok()) return used;
  }
  return absl::OkStatus();
}

absl::Status Keeper::Use(const std::string& upload, const std::string& resource, const std::string& person_token,
                         absl::Time at) {
  v1::Use use;
  use.set_resource(resource);
  use.set_reporter_token(person_token);
  if (auto put = store_->Put(kMediaBucket, UsedKey(upload), use.SerializeAsString(), kBytes); !put.ok()) return put;
  if (!person_token.empty()) {
    const std::string mark = OwnersOf(person_token) + upload;
    if (auto put = store_->Put(kIncomingBucket, mark, "", kBytes); !put.ok()) return put;
    // Events of different shards come in any order: what was reported before the erasure may be heard of after it.
    auto erased = store_->Get(kIncomingBucket, ErasedKey(person_token), kMaxSmall);
    int64_t erased_ms = 0;
    if (!erased.ok() && !absl::IsNotFound(erased.status())) return erased.status();
    if (erased.ok() && absl::SimpleAtoi(*erased, &erased_ms) && absl::FromUnixMillis(erased_ms) >= at)
      if (auto gone = Erase(person_token, absl::FromUnixMillis(erased_ms)); !gone.ok()) return gone;
  }
  return store_->Delete(kIncomingBucket, absl::StrCat("unused/", upload));
}

absl::Status Keeper::Erase(const std::string& owner, absl::Time at) {
  const std::string when = absl::StrCat(absl::ToUnixMillis(at));
  if (auto put = store_->Put(kIncomingBucket, ErasedKey(owner), when, kBytes); !put.ok()) return put;
  return EachBefore(OwnersOf(owner), absl::InfiniteFuture(), [&](const std::string& key) {
    const std::string upload = key.substr(OwnersOf(owner).size());
    auto bytes = store_->Get(kMediaBucket, upload + "/facts", kMaxSmall);
    v1::Facts facts;
    if (!bytes.ok() && !absl::IsNotFound(bytes.status())) return bytes.status();
    if (bytes.ok() && facts.ParseFromString(*bytes) && facts.voice())
      if (auto gone = LetGo(upload); !gone.ok()) return gone;
    return store_->Delete(kIncomingBucket, key);
  });
}

absl::Status Keeper::LetGo(const std::string& upload) {
  for (const char* file : kFiles)
    if (auto gone = store_->Delete(kMediaBucket, absl::StrCat(upload, "/", file)); !gone.ok()) return gone;
  return absl::OkStatus();
}

absl::Status Keeper::EachBefore(const std::string& prefix, absl::Time before,
                                const std::function<absl::Status(const std::string& key)>& act) {
  std::string after;
  while (true) {
    auto page = store_->List(kIncomingBucket, prefix, after, kPage);
    if (!page.ok()) return page.status();
    for (const auto& object : *page) {
      after = object.key;
      if (object.modified > before) continue;
      if (auto acted = act(object.key); !acted.ok()) return acted;
    }
    if (static_cast<int>(page->size()) < kPage) return absl::OkStatus();
  }
}

absl::Status Keeper::NoteWhatWasHeard(bool again) {
  std::set<std::pair<std::string, int>> noted;
  for (const Source& source : sources_)
    for (const auto& [shard, next] : source.reader->Held()) {
      const std::pair at(source.domain, shard);
      if (noted_.contains(at)) noted.insert(at);
      if (noted_.contains(at) && !again) continue;
      const absl::Time asked = now_();
      auto bounds = source.ends->GetBounds({Topic::kEvents, shard});
      if (!bounds.ok()) return bounds.status();
      if (next < bounds->end) continue;
      const std::string when = absl::StrCat(absl::ToUnixMillis(asked));
      if (auto put = store_->Put(kIncomingBucket, HeardKey(source.domain, shard), when, kBytes); !put.ok()) return put;
      noted.insert(at);
    }
  noted_ = std::move(noted);
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> Keeper::HeardUntil() {
  absl::Time until = absl::InfiniteFuture();
  for (const Source& source : sources_)
    for (int shard = 0; shard < source.shards; ++shard) {
      auto heard = store_->Get(kIncomingBucket, HeardKey(source.domain, shard), kMaxSmall);
      if (!heard.ok() && !absl::IsNotFound(heard.status())) return heard.status();
      int64_t ms = 0;
      if (!heard.ok() || !absl::SimpleAtoi(*heard, &ms)) return absl::InfinitePast();
      until = std::min(until, absl::FromUnixMillis(ms));
    }
  return until;
}

absl::Status Keeper::Sweep() {
  if (auto noted = NoteWhatWasHeard(/*again=*/true); !noted.ok()) return noted;
  const auto heard = HeardUntil();
  if (!heard.ok()) return heard.status();
  int64_t raw = 0, unused = 0;
  const absl::Status swept = EachBefore("raw/", now_() - kRawLife, [&](const std::string& key) {
    ++raw;
    return store_->Delete(kIncomingBucket, key);
  });
  if (!swept.ok()) return swept;
  const absl::Time unused_before = std::min(now_() - kUnusedLife, *heard - kNamedWithin);
  const absl::Status let_go = EachBefore("unused/", unused_before, [&](const std::string& key) {
    const std::string upload = key.substr(key.find('/') + 1);
    // A mark may come again after what it marks was named, where a call was repeated.
    auto used = store_->Get(kMediaBucket, UsedKey(upload), kMaxSmall);
    if (!used.ok() && !absl::IsNotFound(used.status())) return used.status();
    if (!used.ok())
      if (auto gone = LetGo(upload); !gone.ok()) return gone;
    ++unused;
    return store_->Delete(kIncomingBucket, key);
  });
  if (raw + unused > 0) Log(Severity::kInfo, "swept", {{"never_finished", raw}, {"marks", unused}});
  return let_go;
}

}  // namespace civicmesh::media
