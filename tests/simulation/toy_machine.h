// The domain of the protocol simulation: accounts with a floor, holds, timers, and an index over all streams of a
// shard.
//
//   "cr a 2"    credits     "db a 2"  debits, refused below zero    "arm a 90000 7"  arms timer 7 so many ms from now
//   "mv a 2 b"  moves from one account to another                   "grant g 1"      a policy's credit
//   "res a"     takes one of kStock pieces of the shard
//   "fee a"     credits what the tariff says, refused without one; a fired timer that holds nothing credits it, too
//   "hold a 2 90000 7"  holds 2 as number 7, void after so many ms  "cap a 7"        captures it, refused once void
//
// Decisions are a function of (state, command, now) that the oracle computes again by itself.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/runtime/decider/machine.h"

namespace civicmesh::simulation {

inline constexpr int kStock = 2;
inline constexpr char kTariff[] = "tariff";  // reference data: its content is a number (ParseTariff)

class ToyMachine : public Machine {
 public:
  // Releases of another fold version write the same state in another form (R12).
  explicit ToyMachine(int fold_version = 1) : fold_version_(fold_version) {}

  struct Account {
    int64_t balance = 0;
    int taken = 0;
    std::map<std::string, int64_t> holds;  // by their number
    friend bool operator==(const Account&, const Account&) = default;
  };

  absl::StatusOr<Decision<Bytes>> Decide(std::string_view payload, const Context& ctx) const override;
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer& timer, const Context& ctx) const override;
  absl::Status Evolve(const EventMeta& meta, std::string_view event) override;
  Bytes Save(std::string_view stream) const override;
  absl::Status Load(std::string_view stream, std::string_view state) override;
  std::vector<std::string> Rows(std::string_view stream) const override;
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta& meta, std::string_view event) const override;

  const std::map<std::string, Account, std::less<>>& accounts() const { return accounts_; }

 private:
  const int fold_version_;
  std::map<std::string, Account, std::less<>> accounts_;
  int taken_ = 0;  // the index: over all streams
};

absl::StatusOr<std::shared_ptr<const void>> ParseTariff(std::string_view content);
std::vector<std::string> Words(std::string_view text);

}  // namespace civicmesh::simulation
