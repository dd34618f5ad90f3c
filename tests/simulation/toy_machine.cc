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

int64_t Tariff(const Context& ctx) {
  const auto* tariff = ctx.reference->Get<int64_t>(kTariff);
  return tariff ? *tariff : 0;
}

std::string Form(int fold_version) { return absl::StrCat("v", fold_version); }

}  // namespace

absl::StatusOr<std::shared_ptr<const void>> ParseTariff(std::string_view content) {
  return std::make_shared<const int64_t>(Number(std::string(content)));
}

absl::StatusOr<Decision<std::string>> ToyMachine::Decide(std::string_view payload, const Context& ctx) const {
  const auto w = Words(payload);
  if (w[0] == "poison") return absl::InvalidArgumentError("poison");
  const auto refuse = [](const char* why) { return Refusal{.reason = why, .domain = "toy", .code = 9}; };
  auto it = accounts_.find(w[1]);
  const Account account = it == accounts_.end() ? Account{} : it->second;
  civicmesh::Decided<Bytes> d{.events = {}, .timers = {}, .resource = w[1]};
  if ((w[0] == "db" || w[0] == "mv" || w[0] == "hold") && account.balance < Number(w[2])) return refuse("FLOOR");
  if (w[0] == "res" && taken_ >= kStock) return refuse("STOCK");
  if (w[0] == "cap" && !account.holds.contains(w[2])) return refuse("GONE");
  if (w[0] == "mv") {
    d.Add(w[1], absl::StrCat("out ", w[1], " ", w[2]));
    d.Add(w[3], absl::StrCat("in ", w[3], " ", w[2]));
    return d;
  }
  if (w[0] == "fee") {
    const int64_t tariff = Tariff(ctx);
    if (tariff == 0) return refuse("TARIFF");
    d.Add(w[1], absl::StrCat("fee ", w[1], " ", tariff));
    return d;
  }
  d.Add(w[1], std::string(payload));
  if (w[0] == "arm") d.Arm(w[1], w[3], ctx.now_ms + Number(w[2]));
  if (w[0] == "hold") d.Arm(w[1], w[4], ctx.now_ms + Number(w[3]));
  if (w[0] == "cap") d.Disarm(w[1], w[2]);
  return d;
}

absl::StatusOr<Decision<std::string>> ToyMachine::Fire(const FiredTimer& timer, const Context& ctx) const {
  civicmesh::Decided<Bytes> d;
  auto it = accounts_.find(timer.stream);
  const bool held = it != accounts_.end() && it->second.holds.contains(timer.kind);
  d.Add(timer.stream, held ? absl::StrCat("void ", timer.stream, " ", timer.kind)
                           : absl::StrCat("fire ", timer.stream, " ", Tariff(ctx), " ", timer.kind));
  return d;
}

absl::Status ToyMachine::Evolve(const EventMeta& meta, std::string_view event) {
  const auto w = Words(event);
  Account& account = accounts_[std::string(meta.stream)];
  if (w[0] == "cr" || w[0] == "grant" || w[0] == "in" || w[0] == "fee" || w[0] == "fire")
    account.balance += Number(w[2]);
  if (w[0] == "db" || w[0] == "out" || w[0] == "hold") account.balance -= Number(w[2]);
  if (w[0] == "hold") account.holds[w[4]] = Number(w[2]);
  if (w[0] == "void") account.balance += account.holds[w[2]];
  if (w[0] == "void" || w[0] == "cap") account.holds.erase(w[2]);
  if (w[0] == "res") {
    ++account.taken;
    ++taken_;
  }
  return absl::OkStatus();
}

std::string ToyMachine::Save(std::string_view stream) const {
  auto it = accounts_.find(stream);
  if (it == accounts_.end()) return "";
  std::string state = absl::StrCat(Form(fold_version_), " ", it->second.balance, " ", it->second.taken);
  for (const auto& [hold, amount] : it->second.holds) absl::StrAppend(&state, " ", hold, " ", amount);
  return state;
}

absl::Status ToyMachine::Load(std::string_view stream, std::string_view state) {
  const auto w = Words(state);
  if (w[0] != Form(fold_version_)) return absl::DataLossError("written by another fold");
  Account& account = accounts_[std::string(stream)];
  taken_ -= account.taken;
  account = {.balance = Number(w[1]), .taken = static_cast<int>(Number(w[2]))};
  for (size_t i = 3; i + 1 < w.size(); i += 2) account.holds[w[i]] = Number(w[i + 1]);
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
