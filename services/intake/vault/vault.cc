#include "services/intake/vault/vault.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/intake/vault/city_key.h"
#include "services/intake/vault/key_ring.h"
#include "services/intake/vault/master_keys.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/log.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/keyed_log.h"

namespace civicmesh::intake {
namespace {

constexpr int kPollMs = 200;
constexpr int64_t kErasePatienceMs = 4000;
constexpr int64_t kWrapEveryMs = 60 * 1000;

absl::Status NotRead() { return absl::UnavailableError("the keys of persons are not read yet"); }

std::string NewName(const char* prefix) { return absl::StrCat(prefix, absl::BytesToHexString(RandomId())); }

}  // namespace

type::v1::Sealed PersonKey::Seal(std::string_view text) const {
  type::v1::Sealed sealed;
  sealed.set_key_id(id_);
  sealed.set_ciphertext(AeadSeal(key_, id_, text));
  return sealed;
}

absl::StatusOr<std::string> PersonKey::Open(const type::v1::Sealed& sealed) const {
  auto text = AeadOpen(key_, id_, sealed.ciphertext());
  if (!text) return absl::DataLossError("what was sealed has been changed");
  return *std::move(text);
}

struct Vault::Impl : KeyedSink, std::enable_shared_from_this<Vault::Impl> {
  Impl(KeyedLog* to, const MasterKeys& keys, const CityKey& key_before, const Clock& time)
      : log(to), masters(keys), before(key_before), clock(time) {}

  // An erasure that was asked for here, until tombstones stand for what it kills.
  struct Erasing {
    std::string owner;
    int named = 0;
    bool read = false;
    int killed = 0;
    std::set<std::string> unburied;
    int64_t until_ms = 0;
    EraseDone done;
  };
  using Answers = std::vector<std::function<void()>>;

  int PartitionOf(std::string_view owner) const { return ShardOf(owner, log->partitions()); }
  bool CurrentLocked() const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return log && static_cast<int>(current.size()) == log->partitions();
  }

  void Run();
  void OnRecord(int partition, std::string key, std::optional<std::string> value) override;
  void OnCurrent(int partition) override;
  void OnOwnErasure(const std::string& record, Erasing& asked) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  static void Settle(Erasing& asked, Answers* answers);
  void Erase(const std::string& owner, const std::string& record, const v1::KeyErasure& erasure, EraseDone done);
  void Make(const std::string& owner);
  void Bury(const std::string& record);
  void WrapAnew(int64_t now_ms);
  void GiveUp(int64_t now_ms);
  void Beat(int64_t now_ms);
  absl::StatusOr<PersonKey> Unwrap(const std::string& key_id, const KeyRing::Entry& entry) const {
    auto key = masters.Unwrap(entry.wrapped, KeyRecord(entry.owner, key_id));
    if (!key.ok()) return key.status();
    return PersonKey(key_id, *key);
  }

  KeyedLog* const log;
  const MasterKeys& masters;
  const CityKey& before;
  const Clock& clock;
  std::atomic<bool> stop{false};
  std::thread thread;
  int64_t last_beat_ms = 0;
  int64_t next_wrap_ms = 0;
  int64_t told_old = 0;  // keys under another master key than the first, as the log said last

  mutable absl::Mutex mutex;
  KeyRing ring ABSL_GUARDED_BY(mutex);
  std::set<int> current ABSL_GUARDED_BY(mutex);                               // partitions whose end was seen
  std::set<std::string> burying ABSL_GUARDED_BY(mutex);                       // tombstones on their way
  std::map<std::string, std::vector<KeyDone>> making ABSL_GUARDED_BY(mutex);  // by owner
  std::map<std::string, Erasing> erasing ABSL_GUARDED_BY(mutex);              // by the erasure's record
};

Vault::Vault(KeyedLog* log, const MasterKeys& masters, const CityKey& before, const Clock& clock)
    : impl_(std::make_shared<Impl>(log, masters, before, clock)) {
  if (log) impl_->thread = std::thread([impl = impl_.get()] { impl->Run(); });
}

Vault::~Vault() {
  impl_->stop = true;
  if (impl_->thread.joinable()) impl_->thread.join();
  impl_->GiveUp(INT64_MAX);
}

void Vault::Impl::Run() {
  while (!stop) {
    log->Poll(*this, kPollMs);
    const int64_t now_ms = clock.steady_ms();
    GiveUp(now_ms);
    std::vector<std::string> due;
    {
      absl::MutexLock lock(&mutex);
      if (!CurrentLocked()) continue;
      std::erase_if(burying, [this](const std::string& r)
                                 ABSL_SHARED_LOCKS_REQUIRED(mutex) { return !ring.unburied().contains(r); });
      for (const std::string& record : ring.unburied())
        if (burying.insert(record).second) due.push_back(record);
    }
    for (const std::string& record : due) Bury(record);
    WrapAnew(now_ms);
    Beat(now_ms);
  }
}

void Vault::Impl::OnRecord(int, std::string key, std::optional<std::string> value) {
  Answers answers;
  {
    absl::MutexLock lock(&mutex);
    ring.Fold(key, value);
    if (auto asked = erasing.find(key); asked != erasing.end() && !asked->second.read) OnOwnErasure(key, asked->second);
    for (auto& [record, asked] : erasing) {
      if (!value) asked.unburied.erase(key);
      Settle(asked, &answers);
    }
    std::erase_if(erasing, [](const auto& entry) { return !entry.second.done; });
  }
  for (const auto& answer : answers) answer();
}

// It is answered once what it killed is buried, whoever does that.
void Vault::Impl::OnOwnErasure(const std::string& record, Erasing& asked) {
  const auto killed = ring.KilledBy(record);
  asked.read = true;
  asked.killed = static_cast<int>(killed.size());
  for (const std::string& id : killed) {
    std::string key_record = KeyRecord(asked.owner, id);
    if (ring.unburied().contains(key_record)) asked.unburied.insert(std::move(key_record));
  }
  if (asked.killed == asked.named) return;
  // It killed more than it names, by its place alone, which a key that is wrapped anew after it would not respect.
  v1::KeyErasure whole;
  for (const std::string& id : killed) whole.add_key_ids(id);
  log->Put(PartitionOf(asked.owner), record, whole.SerializeAsString(), [](absl::Status) {});
}

void Vault::Impl::Settle(Erasing& asked, Answers* answers) {
  if (!asked.read || !asked.unburied.empty() || !asked.done) return;
  answers->push_back([done = std::exchange(asked.done, nullptr), killed = asked.killed] { done(killed); });
}

void Vault::Impl::OnCurrent(int partition) {
  absl::MutexLock lock(&mutex);
  current.insert(partition);
}

void Vault::Impl::Bury(const std::string& record) {
  const std::string owner = record.substr(2, record.find('/', 2) - 2);
  log->Put(PartitionOf(owner), record, std::nullopt, [self = shared_from_this(), record](const absl::Status& landed) {
    absl::MutexLock lock(&self->mutex);
    if (!landed.ok()) self->burying.erase(record);
  });
}

// Master keys change one by one: what the first of them did not wrap is wrapped by it. Again and again, since a replica
// that has not heard of the new one goes on making keys under the old one, and a record may not land; only what was
// read back is told to be done.
void Vault::Impl::WrapAnew(int64_t now_ms) {
  if (now_ms < next_wrap_ms) return;
  next_wrap_ms = now_ms + kWrapEveryMs;
  std::vector<std::pair<std::string, KeyRing::Entry>> old;
  {
    absl::MutexLock lock(&mutex);
    for (const auto& [id, entry] : ring.keys())
      if (entry.wrapped.master_id() != masters.first_id()) old.emplace_back(id, entry);
  }
  int64_t lost = 0;
  for (const auto& [id, entry] : old) {
    const std::string record = KeyRecord(entry.owner, id);
    const auto key = masters.Unwrap(entry.wrapped, record);
    if (!key.ok()) {
      ++lost;
      continue;
    }
    log->Put(PartitionOf(entry.owner), record, masters.Wrap(*key, record).SerializeAsString(), [](absl::Status) {});
  }
  const auto count = static_cast<int64_t>(old.size());
  if (count == std::exchange(told_old, count)) return;
  Log(lost ? Severity::kError : Severity::kInfo,
      count ? "keys of persons under an older master key" : "no key is left under an older master key: it may go",
      {{"keys", count}, {"no_master_key_opens", lost}, {"by", masters.first_id()}});
}

void Vault::Impl::GiveUp(int64_t now_ms) {
  std::vector<EraseDone> unknown;
  {
    absl::MutexLock lock(&mutex);
    for (auto& [record, asked] : erasing)
      if (asked.until_ms <= now_ms) unknown.push_back(std::exchange(asked.done, nullptr));
    std::erase_if(erasing, [](const auto& entry) { return !entry.second.done; });
  }
  for (const auto& done : unknown) done(absl::UnavailableError("the erasure was not seen through yet"));
}

// A segment is closed, and so can be compacted, only when something is appended after its time.
void Vault::Impl::Beat(int64_t now_ms) {
  if (last_beat_ms && now_ms - last_beat_ms < kCompactionLagMs) return;
  last_beat_ms = now_ms;
  for (int partition = 0; partition < log->partitions(); ++partition)
    log->Put(partition, "beat", "1", [](absl::Status) {});
}

void Vault::KeyOf(const std::string& owner, KeyDone done) {
  absl::StatusOr<PersonKey> found = NotRead();
  {
    absl::MutexLock lock(&impl_->mutex);
    if (impl_->CurrentLocked()) {
      for (const std::string& id : impl_->ring.KeysOf(owner))
        if (!found.ok()) found = impl_->Unwrap(id, *impl_->ring.Find(id));
      if (!found.ok()) {
        auto& waiting = impl_->making[owner];
        waiting.push_back(std::exchange(done, nullptr));
        if (waiting.size() > 1) return;
      }
    }
  }
  if (found.ok() || done) return done(std::move(found));
  impl_->Make(owner);
}

// Whether it landed is told by reading it back, or not within the patience.
void Vault::Impl::Erase(const std::string& owner, const std::string& record, const v1::KeyErasure& erasure,
                        EraseDone done) {
  {
    absl::MutexLock lock(&mutex);
    erasing[record] = {.owner = owner,
                       .named = erasure.key_ids_size(),
                       .unburied = {},
                       .until_ms = clock.steady_ms() + kErasePatienceMs,
                       .done = std::move(done)};
  }
  log->Put(PartitionOf(owner), record, erasure.SerializeAsString(), [](absl::Status) {});
}

void Vault::Impl::Make(const std::string& owner) {
  const std::string id = NewName("k-");
  const AeadKey key = RandomAeadKey();
  const std::string record = KeyRecord(owner, id);
  KeyRing::Entry entry{.owner = owner, .wrapped = masters.Wrap(key, record)};
  const std::string value = entry.wrapped.SerializeAsString();
  log->Put(PartitionOf(owner), record, value,
           [self = shared_from_this(), owner, id, key, entry](const absl::Status& landed) mutable {
             std::vector<KeyDone> waiting;
             {
               absl::MutexLock lock(&self->mutex);
               if (landed.ok()) self->ring.Landed(id, std::move(entry));
               waiting = std::move(self->making[owner]);
               self->making.erase(owner);
             }
             for (const KeyDone& done : waiting) {
               if (landed.ok()) {
                 done(PersonKey(id, key));
               } else {
                 done(landed);
               }
             }
           });
}

absl::StatusOr<PersonKey> Vault::KeyNamed(const std::string& key_id) const {
  absl::MutexLock lock(&impl_->mutex);
  const KeyRing::Entry* entry = impl_->ring.Find(key_id);
  if (entry) return impl_->Unwrap(key_id, *entry);
  return impl_->CurrentLocked() ? absl::NotFoundError("the key was destroyed") : NotRead();
}

absl::StatusOr<std::string> Vault::Open(const type::v1::Sealed& sealed) const {
  if (CityKey::Sealed(sealed.key_id())) return impl_->before.Open(sealed);
  auto key = KeyNamed(sealed.key_id());
  if (!key.ok()) return key.status();
  return key->Open(sealed);
}

void Vault::Erase(const std::string& owner, const std::vector<std::string>& named, EraseDone done) {
  if (!current()) return done(NotRead());
  v1::KeyErasure erasure;
  erasure.mutable_key_ids()->Assign(named.begin(), named.end());
  for (const std::string& id : KeyIdsOf(owner))
    if (std::find(named.begin(), named.end(), id) == named.end()) erasure.add_key_ids(id);
  impl_->Erase(owner, ErasureRecord(owner, NewName("e-")), erasure, std::move(done));
}

absl::Status Vault::SeeThrough(const std::string& owner, const std::vector<std::string>& key_ids) {
  if (!impl_->log) return NotRead();
  {
    absl::MutexLock lock(&impl_->mutex);
    if (impl_->ring.AreDead(key_ids)) return absl::OkStatus();
  }
  v1::KeyErasure erasure;
  erasure.set_only_named(true);
  erasure.mutable_key_ids()->Assign(key_ids.begin(), key_ids.end());
  absl::Status status;
  absl::Notification done;
  // The topic need not be read yet: whatever stands before this record is read before it.
  impl_->Erase(owner, ErasureRecord(owner, key_ids.front()), erasure, [&](const absl::StatusOr<int>& destroyed) {
    status = destroyed.status();
    done.Notify();
  });
  done.WaitForNotification();  // the vault gives up after its patience
  return status;
}

std::vector<std::string> Vault::KeyIdsOf(const std::string& owner) const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->ring.KeysOf(owner);
}

bool Vault::current() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->CurrentLocked();
}

}  // namespace civicmesh::intake
