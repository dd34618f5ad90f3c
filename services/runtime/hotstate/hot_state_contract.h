// What every HotState must do: one suite that the in-memory twin and Redis both pass.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/runtime/hotstate/hot_state.h"

namespace civicmesh {

// A server with its connections; destroyed with the test.
class HotServer {
 public:
  virtual ~HotServer() = default;
  virtual std::unique_ptr<HotState> Connect(int fold_version) = 0;
  virtual void FlushAll() = 0;
  // The same data under a new run id, as after a restart.
  virtual void Restart() = 0;
};

struct HotStateMaker {
  std::string name;
  std::function<std::unique_ptr<HotServer>()> make;
};

class HotStateContract : public testing::TestWithParam<HotStateMaker> {
 protected:
  void SetUp() override {
    server = GetParam().make();
    hot = server->Connect(1);
  }
  template <typename T>
  T Wait(std::function<void(std::function<void(T)>)> start) {
    std::optional<T> result;
    start([&](T value) { result = std::move(value); });
    for (int i = 0; i < 500 && !result; ++i) hot->Poll(10);
    if (!result) ADD_FAILURE() << "no answer";
    return result ? *std::move(result) : T();
  }
  HotResult Fold(uint64_t epoch, std::string expected, std::string token, HotChanges changes = {}) {
    return Wait<HotResult>([&](auto done) { hot->Fold(0, epoch, expected, {token, "blob" + token}, changes, done); });
  }
  HotResult Clear(uint64_t epoch, std::string id) {
    return Wait<HotResult>([&](auto done) { hot->Clear(0, epoch, id, done); });
  }
  HotResult Refill(uint64_t epoch, std::string id, HotChanges part, std::optional<HotPointValue> finish) {
    return Wait<HotResult>([&](auto done) { hot->Refill(0, epoch, id, part, finish, done); });
  }
  HotRead Read(HotTable table, std::vector<std::string> keys) {
    absl::StatusOr<HotRead> read = absl::UnknownError("none");
    for (int i = 0; i < 3 && !read.ok(); ++i) {
      read = Wait<absl::StatusOr<HotRead>>([&](auto done) { hot->Read(0, table, keys, done); });
      if (!read.ok()) hot->Reconnect(0);
    }
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *read : HotRead{};
  }
  std::vector<std::string> Rows(std::string from, std::string to, int limit, bool descending) {
    auto read = Wait<absl::StatusOr<HotRead>>([&](auto done) { hot->Range(0, from, to, limit, descending, done); });
    std::vector<std::string> rows;
    if (read.ok())
      for (auto& row : read->values) rows.push_back(*row);
    return rows;
  }
  static HotChanges Put(std::string key, std::string value) {
    HotChanges changes;
    changes.writes.push_back({HotTable::kStreams, std::move(key), std::move(value)});
    return changes;
  }
  void Verify() {
    ASSERT_EQ(Clear(1, "r"), HotResult::kOk);
    ASSERT_EQ(Refill(1, "r", Put("a", "1"), HotPointValue{"10", "b"}), HotResult::kOk);
  }

  std::unique_ptr<HotServer> server;
  std::unique_ptr<HotState> hot;
};

TEST_P(HotStateContract, AFoldIsComparedWithThePoint) {
  EXPECT_EQ(Fold(1, "", "5", Put("a", "1")), HotResult::kOk);
  EXPECT_EQ(Fold(1, "4", "6", Put("a", "2")), HotResult::kMoved);
  EXPECT_EQ(Fold(1, "", "6", Put("a", "2")), HotResult::kMoved);
  HotRead read = Read(HotTable::kStreams, {"a", "b"});
  ASSERT_EQ(read.values.size(), 2u);
  EXPECT_EQ(read.values[0], "1");
  EXPECT_EQ(read.values[1], std::nullopt);
  EXPECT_EQ(read.point, (HotPointValue{"5", "blob5"}));
  EXPECT_FALSE(read.verified);
}

TEST_P(HotStateContract, AHigherEpochFencesLowerOnes) {
  EXPECT_EQ(Fold(2, "", "5"), HotResult::kOk);
  EXPECT_EQ(Fold(1, "5", "6"), HotResult::kFenced);
  EXPECT_EQ(Clear(1, "x"), HotResult::kFenced);
  EXPECT_EQ(Refill(1, "x", {}, std::nullopt), HotResult::kFenced);
  EXPECT_EQ(Fold(2, "5", "6"), HotResult::kOk);
}

TEST_P(HotStateContract, OnlyTheLatestRepairRefills) {
  EXPECT_EQ(Fold(1, "", "5", Put("old", "1")), HotResult::kOk);
  EXPECT_EQ(Clear(1, "first"), HotResult::kOk);
  EXPECT_EQ(Clear(1, "second"), HotResult::kOk);
  EXPECT_EQ(Refill(1, "first", Put("a", "1"), std::nullopt), HotResult::kMoved);
  EXPECT_EQ(Refill(1, "second", Put("a", "1"), std::nullopt), HotResult::kOk);
  EXPECT_FALSE(Read(HotTable::kStreams, {"a"}).verified) << "not finished";
  EXPECT_EQ(Refill(1, "second", Put("b", "2"), HotPointValue{"9", "nine"}), HotResult::kOk);
  HotRead read = Read(HotTable::kStreams, {"old", "a", "b"});
  EXPECT_TRUE(read.verified);
  EXPECT_EQ(read.values, (std::vector<std::optional<std::string>>{std::nullopt, "1", "2"}));
  EXPECT_EQ(Fold(1, "9", "10"), HotResult::kOk);
}

TEST_P(HotStateContract, AFlushAndARestartAreSeen) {
  Verify();
  EXPECT_TRUE(Read(HotTable::kStreams, {"a"}).verified);
  server->Restart();
  EXPECT_FALSE(Read(HotTable::kStreams, {"a"}).verified) << "another run id";
  Verify();
  server->FlushAll();
  EXPECT_FALSE(Read(HotTable::kStreams, {"a"}).verified);
  EXPECT_EQ(Fold(1, "10", "11"), HotResult::kMoved);
}

TEST_P(HotStateContract, TablesAreApartAndBytesAreKept) {
  const std::string key("k\0\xff\r\n", 5), value("v\0\x01", 3);
  HotChanges changes;
  changes.writes = {{HotTable::kStreams, key, value}, {HotTable::kOutcomes, key, "o"}, {HotTable::kPolicies, key, "p"}};
  EXPECT_EQ(Fold(1, "", "1", changes), HotResult::kOk);
  EXPECT_EQ(Read(HotTable::kStreams, {key}).values[0], value);
  EXPECT_EQ(Read(HotTable::kOutcomes, {key}).values[0], "o");
  EXPECT_EQ(Read(HotTable::kPolicies, {key}).values[0], "p");
  changes.writes = {{HotTable::kOutcomes, key, std::nullopt}};
  EXPECT_EQ(Fold(1, "1", "2", changes), HotResult::kOk);
  EXPECT_EQ(Read(HotTable::kOutcomes, {key}).values[0], std::nullopt);
  EXPECT_EQ(Read(HotTable::kStreams, {key}).values[0], value);
}

TEST_P(HotStateContract, RowsComeInOrderBothWays) {
  const auto row = [](const std::string& value, const std::string& key) { return "unit\x1f" + value + "\x1f" + key; };
  HotChanges changes;
  changes.rows_added = {row("a", "1"), row("a", "2"), row("a", "3"), row("b", "1"), "gone"};
  EXPECT_EQ(Fold(1, "", "1", changes), HotResult::kOk);
  changes = {};
  changes.rows_removed = {"gone"};
  EXPECT_EQ(Fold(1, "1", "2", changes), HotResult::kOk);
  const std::string from = row("a", ""), to = "unit\x1f" + std::string("a\x20");
  EXPECT_EQ(Rows(from, to, 2, false), (std::vector<std::string>{row("a", "1"), row("a", "2")}));
  EXPECT_EQ(Rows(from, to, 2, true), (std::vector<std::string>{row("a", "3"), row("a", "2")}));
  EXPECT_EQ(Rows("a", "z", 10, false).size(), 4u);
}

TEST_P(HotStateContract, ALargeCallAndAScanThatSeesAllOfIt) {
  HotChanges changes;
  while (changes.arguments() + 3 <= HotState::kMaxArguments)
    changes.writes.push_back({HotTable::kStreams, "k" + std::to_string(changes.writes.size()), std::string(200, 'x')});
  ASSERT_EQ(Fold(1, "", "1", changes), HotResult::kOk);
  std::map<std::string, int> seen;
  uint64_t cursor = 0;
  do {
    auto piece = Wait<absl::StatusOr<HotPiece>>([&](auto done) { hot->Scan(0, HotTable::kStreams, cursor, done); });
    ASSERT_TRUE(piece.ok()) << piece.status();
    EXPECT_EQ(piece->point.token, "1");
    for (auto& [key, value] : piece->entries) ++seen[key];
    cursor = piece->next_cursor;
  } while (cursor != 0);
  EXPECT_EQ(seen.size(), changes.writes.size());
}

TEST_P(HotStateContract, AnotherVersionsViewIsTakenOutOfService) {
  Verify();
  auto newer = server->Connect(2);
  std::optional<HotResult> result;
  newer->Unverify(0, 7, 1, [&](HotResult r) { result = r; });
  for (int i = 0; i < 500 && !result; ++i) newer->Poll(10);
  EXPECT_EQ(result, HotResult::kOk);
  EXPECT_FALSE(Read(HotTable::kStreams, {"a"}).verified);
  EXPECT_EQ(Fold(6, "10", "11"), HotResult::kFenced);
}

TEST_P(HotStateContract, ReconnectAnswersWhatIsPending) {
  int answers = 0;
  for (int i = 0; i < 3; ++i) hot->Look(0, [&](absl::StatusOr<HotPiece> piece) { answers += piece.ok() ? 0 : 1; });
  hot->Reconnect(0);
  for (int i = 0; i < 5; ++i) hot->Poll(10);
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(Fold(1, "", "1"), HotResult::kOk) << "the next call uses a new connection";
}

}  // namespace civicmesh
