#include "tests/simulation/toy_machine.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace civicmesh::simulation {

std::vector<std::string> Words(std::string_view text) { return absl::StrSplit(std::string(text), ' '); }

namespace {

int64_t Number(const std::string& word) {
  int64_t value = 0;
  (void)absl::SimpleAtoi(word, &value);
  return value;
}

}  // namespace

absl::StatusOr<Decision<std::string>> ToyMachine::Decide(std::string_view payload, const Context& ctx) const {
  const auto w = Words(payload);
  if (w[0] == "poison") return absl::InvalidArgumentError("poison");
  auto it = accounts_.find(w[1]);
  const Account account = it == accounts_.end() ? Account{} : it->second;
  civicmesh::Decided<Bytes> d{.events = {}, .timers = {}, .resource = w[1]};
  if (w[0] == "db" && account.balance < Number(w[2])) return Refusal{.reason = "FLOOR", .domain = "toy", .code = 9};
  if (w[0] == "res" && taken_ >= kStock) return Refusal{.reason = "STOCK", .domain = "toy", .code = 9};
  d.Add(w[1], std::string(payload));
  if (w[0] == "arm") d.Arm(w[1], w[3], ctx.now_ms + Number(w[2]));
  return d;
}

absl::StatusOr<Decision<std::string>> ToyMachine::Fire(const FiredTimer& timer, const Context&) const {
  civicmesh::Decided<Bytes> d;
  d.Add(timer.stream, absl::StrCat("fire ", timer.stream, " ", timer.kind));
  return d;
}

absl::Status ToyMachine::Evolve(const EventMeta& meta, std::string_view event) {
  const auto w = Words(event);
  Account& account = accounts_[std::string(meta.stream)];
  if (w[0] == "cr" || w[0] == "grant") account.balance += Number(w[2]);
  if (w[0] == "db") account.balance -= Number(w[2]);
  if (w[0] == "res") {
    ++account.taken;
    ++taken_;
  }
  return absl::OkStatus();
}

std::string ToyMachine::Save(std::string_view stream) const {
  auto it = accounts_.find(stream);
  return it == accounts_.end() ? "" : absl::StrCat(it->second.balance, " ", it->second.taken);
}

absl::Status ToyMachine::Load(std::string_view stream, std::string_view state) {
  const auto w = Words(state);
  Account& account = accounts_[std::string(stream)];
  taken_ -= account.taken;
  account = {Number(w[0]), static_cast<int>(Number(w[1]))};
  taken_ += account.taken;
  return absl::OkStatus();
}

std::vector<std::string> ToyMachine::Rows(std::string_view stream) const {
  auto it = accounts_.find(stream);
  if (it == accounts_.end()) return {};
  return {absl::StrCat("sign\x1f", it->second.balance > 0 ? "positive" : "zero", "\x1f", std::string(stream))};
}

absl::StatusOr<std::vector<PublicEvent>> ToyMachine::Publish(const EventMeta& meta, std::string_view event) const {
  std::vector<PublicEvent> out(event.substr(0, 2) == "db" ? 2 : 1,
                               PublicEvent{"toy", std::string(meta.stream), std::string(event)});
  return out;
}

}  // namespace civicmesh::simulation
