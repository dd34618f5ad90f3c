// The vault over the in-memory topic, two replicas of it where that matters.
#include "services/intake/vault/vault.h"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "civicmesh/intake/v1/keys.pb.h"
#include "civicmesh/type/v1/type.pb.h"
#include "services/intake/vault/city_key.h"
#include "services/intake/vault/key_ring.h"
#include "services/intake/vault/master_keys.h"
#include "services/runtime/base/clock.h"
#include "services/runtime/base/names.h"
#include "services/runtime/journal/memory_keyed_log.h"

namespace civicmesh::intake {
namespace {

using testing::HasSubstr;
using testing::Not;

AeadKey Filled(unsigned char fill) {
  AeadKey key;
  key.fill(fill);
  return key;
}

// What a callback was given, once it was.
template <typename T>
struct Later {
  absl::Notification given;
  std::optional<absl::StatusOr<T>> value;
  std::function<void(absl::StatusOr<T>)> Take() {
    return [this](absl::StatusOr<T> v) {
      value = std::move(v);
      given.Notify();
    };
  }
  absl::StatusOr<T> Wait() {
    if (!given.WaitForNotificationWithTimeout(absl::Seconds(30))) return absl::DeadlineExceededError("never answered");
    return *std::move(value);
  }
};

class VaultTest : public testing::Test {
 protected:
  // One replica of intake.
  struct Replica {
    Replica(MemoryKeyedTopic* topic, const MasterKeys& masters, const CityKey& before, const Clock& clock)
        : log(topic), vault(&log, masters, before, clock) {}
    MemoryKeyedLog log;
    Vault vault;
  };
  std::unique_ptr<Replica> Start(const MasterKeys& masters) {
    auto replica = std::make_unique<Replica>(&topic_, masters, before_, clock_);
    Until([&] { return replica->vault.current(); });
    return replica;
  }
  // The bound is only for a test that fails.
  static void Until(const std::function<bool()>& holds) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (!holds() && absl::Now() < until) std::this_thread::yield();
    EXPECT_TRUE(holds());
  }
  static PersonKey KeyOf(Vault& vault, const std::string& owner) {
    Later<PersonKey> later;
    vault.KeyOf(owner, later.Take());
    auto key = later.Wait();
    EXPECT_TRUE(key.ok()) << key.status();
    return *std::move(key);
  }
  static absl::StatusOr<int> Erase(Vault& vault, const std::string& owner) {
    Later<int> later;
    vault.Erase(owner, {}, later.Take());
    return later.Wait();
  }
  static bool Erased(const Vault& vault, const type::v1::Sealed& sealed) {
    return absl::IsNotFound(vault.Open(sealed).status());
  }

  // Goes by itself, and further when a test says so.
  struct HurriedClock : Clock {
    std::atomic<int64_t> ahead_ms{0};
    int64_t wall_ms() const override { return Clock::Real()->wall_ms() + ahead_ms; }
    int64_t steady_ms() const override { return Clock::Real()->steady_ms() + ahead_ms; }
  };

  HurriedClock clock_;
  MemoryKeyedTopic topic_{2};
  const MasterKeys masters_{{Filled(1)}};
  const CityKey before_{Filled(7)};
};

TEST_F(VaultTest, EachPersonHasAKeyThatOutlivesTheProcess) {
  auto one = Start(masters_);
  const PersonKey key = KeyOf(one->vault, "p-1");
  EXPECT_EQ(KeyOf(one->vault, "p-1").id(), key.id());
  EXPECT_NE(KeyOf(one->vault, "p-2").id(), key.id());
  const auto sealed = key.Seal("13800000058");
  EXPECT_NE(key.Seal("13800000058").ciphertext(), sealed.ciphertext());
  one.reset();
  auto two = Start(masters_);
  EXPECT_EQ(*two->vault.Open(sealed), "13800000058");
  EXPECT_EQ(KeyOf(two->vault, "p-1").id(), key.id());
  auto changed = sealed;
  changed.mutable_ciphertext()->back() ^= 1;
  EXPECT_EQ(two->vault.Open(changed).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(VaultTest, AnotherReplicaSoonOpensWhatOneSealed) {
  auto one = Start(masters_), two = Start(masters_);
  const auto sealed = KeyOf(one->vault, "p-1").Seal("x");
  Until([&] { return two->vault.Open(sealed).ok(); });
  EXPECT_EQ(KeyOf(two->vault, "p-1").id(), sealed.key_id());
}

TEST_F(VaultTest, WhatWasErasedIsReadByNobodyAndStandsNowhere) {
  auto one = Start(masters_), two = Start(masters_);
  const auto sealed = KeyOf(one->vault, "p-1").Seal("x"), other = KeyOf(one->vault, "p-2").Seal("y");
  Until([&] { return two->vault.Open(sealed).ok(); });
  EXPECT_THAT(topic_.AllBytes(), HasSubstr(KeyRecord("p-1", sealed.key_id())));
  const auto destroyed = Erase(two->vault, "p-1");
  ASSERT_TRUE(destroyed.ok()) << destroyed.status();
  EXPECT_EQ(*destroyed, 1);
  EXPECT_TRUE(Erased(two->vault, sealed));
  Until([&] { return Erased(one->vault, sealed); });
  EXPECT_EQ(*one->vault.Open(other), "y");

  // Both may have written the tombstone, so wait for what the other has on its way.
  one.reset();
  two.reset();
  topic_.Compact();
  EXPECT_THAT(topic_.AllBytes(), Not(HasSubstr(KeyRecord("p-1", sealed.key_id()))));
  EXPECT_THAT(topic_.AllBytes(), HasSubstr(KeyRecord("p-2", other.key_id())));
  auto three = Start(masters_);
  EXPECT_TRUE(Erased(three->vault, sealed));
  EXPECT_EQ(*Erase(three->vault, "p-1"), 0);
  EXPECT_NE(KeyOf(three->vault, "p-1").id(), sealed.key_id());
}

TEST_F(VaultTest, AnErasureWhoseReplicaDiedIsCarriedOutByTheNext) {
  auto one = Start(masters_);
  const auto sealed = KeyOf(one->vault, "p-1").Seal("x");
  one.reset();
  // What a replica leaves that is killed right after the one record.
  MemoryKeyedLog dead(&topic_);
  v1::KeyErasure erasure;
  erasure.add_key_ids(sealed.key_id());
  absl::Notification landed;
  dead.Put(ShardOf("p-1", 2), ErasureRecord("p-1", "e-1"), erasure.SerializeAsString(),
           [&](const absl::Status&) { landed.Notify(); });
  landed.WaitForNotification();
  auto two = Start(masters_);
  EXPECT_TRUE(Erased(two->vault, sealed));
  Until([&] {
    MemoryKeyedTopic& topic = topic_;
    topic.Compact();
    return topic.AllBytes().find(KeyRecord("p-1", sealed.key_id())) == std::string::npos;
  });
}

TEST_F(VaultTest, AnErasureIsSeenThroughForTheKeysThatItNamesAndNoOthers) {
  auto one = Start(masters_);
  const auto sealed = KeyOf(one->vault, "p-1").Seal("x");
  ASSERT_TRUE(one->vault.SeeThrough("p-1", {sealed.key_id()}).ok());
  EXPECT_TRUE(Erased(one->vault, sealed));
  const auto later = KeyOf(one->vault, "p-1").Seal("y");  // who comes back
  EXPECT_TRUE(one->vault.SeeThrough("p-1", {sealed.key_id()}).ok());
  EXPECT_EQ(*one->vault.Open(later), "y");

  // Of two that two replicas made, the one that it names.
  const std::string record = KeyRecord("p-1", "k-other");
  absl::Notification landed;
  one->log.Put(ShardOf("p-1", 2), record, masters_.Wrap(Filled(3), record).SerializeAsString(),
               [&](const absl::Status&) { landed.Notify(); });
  landed.WaitForNotification();
  Until([&] { return one->vault.KeyNamed("k-other").ok(); });
  EXPECT_TRUE(one->vault.SeeThrough("p-1", {"k-other"}).ok());
  EXPECT_TRUE(absl::IsNotFound(one->vault.KeyNamed("k-other").status()));
  EXPECT_EQ(*one->vault.Open(later), "y");
  // Who decided it hears of those that it named, whoever came first.
  Later<int> told;
  one->vault.Erase("p-9", {"k-other"}, told.Take());
  EXPECT_EQ(*told.Wait(), 1);

  // Also by one that has not read the topic.
  MemoryKeyedLog log(&topic_);
  Vault two(&log, masters_, before_, clock_);
  EXPECT_TRUE(two.SeeThrough("p-1", {later.key_id()}).ok());
  EXPECT_TRUE(Erased(two, later));
}

TEST_F(VaultTest, WhatCannotBeSeenThroughNowIsToBeTriedAgain) {
  auto one = Start(masters_);
  const auto sealed = KeyOf(one->vault, "p-1").Seal("x");
  topic_.SetAway(true);
  std::thread patience([this] { clock_.ahead_ms += 60 * 1000; });
  EXPECT_TRUE(absl::IsUnavailable(one->vault.SeeThrough("p-1", {sealed.key_id()})));
  patience.join();
  topic_.SetAway(false);
  EXPECT_TRUE(one->vault.SeeThrough("p-1", {sealed.key_id()}).ok());
  EXPECT_TRUE(Erased(one->vault, sealed));
}

TEST_F(VaultTest, MasterKeysChangeOneByOne) {
  const MasterKeys both({Filled(2), Filled(1)}), only_new({Filled(2)});
  type::v1::Sealed sealed;
  {
    auto one = Start(masters_);
    sealed = KeyOf(one->vault, "p-1").Seal("x");
  }
  {
    auto unready = Start(only_new);
    EXPECT_EQ(unready->vault.Open(sealed).status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(KeyOf(unready->vault, "p-1").id(), sealed.key_id()) << "what is new is sealed all the same";
  }
  {
    auto changing = Start(both);
    EXPECT_EQ(*changing->vault.Open(sealed), "x");
    Until([&] { return topic_.AllBytes().find(masters_.first_id()) != std::string::npos; });
    Until([&] {
      topic_.Compact();
      return topic_.AllBytes().find(masters_.first_id()) == std::string::npos;
    });
  }
  auto after = Start(only_new);
  EXPECT_EQ(*after->vault.Open(sealed), "x");
}

// During a rollout one replica knows the new master key, and another still makes keys under the old one.
TEST_F(VaultTest, WhatAnOlderReplicaMakesMeanwhileIsWrappedAnewToo) {
  const MasterKeys both({Filled(2), Filled(1)});
  auto older = Start(masters_), newer = Start(both);
  const auto sealed = KeyOf(older->vault, "p-1").Seal("x");
  Until([&] { return newer->vault.Open(sealed).ok(); });
  older.reset();
  clock_.ahead_ms = 61 * 1000;
  Until([&] {
    topic_.Compact();
    return topic_.AllBytes().find(masters_.first_id()) == std::string::npos;
  });
  EXPECT_EQ(*newer->vault.Open(sealed), "x");
}

TEST_F(VaultTest, WhileTheTopicIsAwayNothingNewIsSealed) {
  auto one = Start(masters_);
  const auto sealed = KeyOf(one->vault, "p-1").Seal("x");
  topic_.SetAway(true);
  Later<PersonKey> later;
  one->vault.KeyOf("p-2", later.Take());
  EXPECT_TRUE(absl::IsUnavailable(later.Wait().status()));
  EXPECT_EQ(*one->vault.Open(sealed), "x");
  EXPECT_EQ(KeyOf(one->vault, "p-1").id(), sealed.key_id());
  topic_.SetAway(false);
  KeyOf(one->vault, "p-2");
}

TEST_F(VaultTest, StillOpensWhatTheCityKeySealed) {
  auto one = Start(masters_);
  type::v1::Sealed sealed;
  sealed.set_key_id("dev-" + AeadKeyName(Filled(7)));
  sealed.set_ciphertext(AeadSeal(Filled(7), sealed.key_id(), "old"));
  EXPECT_EQ(*one->vault.Open(sealed), "old");
}

TEST_F(VaultTest, WhatIsAskedOfAnEndingVaultIsAnswered) {
  auto one = Start(masters_);
  KeyOf(one->vault, "p-1");
  topic_.SetAway(true);
  Later<int> later;
  one->vault.Erase("p-1", {}, later.Take());
  one.reset();
  EXPECT_TRUE(absl::IsUnavailable(later.Wait().status()));
}

}  // namespace
}  // namespace civicmesh::intake
