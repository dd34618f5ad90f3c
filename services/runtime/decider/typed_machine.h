// A Machine made from a domain's typed state: derive, and write Decide, Fire and Evolve over your own messages.
//
//   class DispatchShard : public TypedMachine<JournalEvent, Command, CaseState> { … };
//
// `Stream` is the message of one stream's state (a oneof where a domain has several kinds). Indexes are kept by
// EvolveStream, and by Loaded for what comes from a snapshot. What has come to its end is kept as bytes, at a fifth of
// the memory, where a domain says so by Settled.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"
#include "services/runtime/decider/machine.h"
#include "services/runtime/decider/parse_room.h"

namespace civicmesh {

// Equal messages are equal bytes, also where they hold maps, so that whoever folds the journal again can compare.
std::string EqualBytes(const google::protobuf::MessageLite& message);

template <typename Event, typename Command, typename Stream>
class TypedMachine : public Machine {
 public:
  absl::StatusOr<Decision<Bytes>> Decide(std::string_view payload, const Context& ctx) const final {
    Command command;
    if (!command.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
      return absl::InvalidArgumentError("command payload does not parse");
    return Encode(DecideCommand(command, ctx));
  }
  absl::StatusOr<Decision<Bytes>> Fire(const FiredTimer& timer, const Context& ctx) const final {
    return Encode(DecideTimer(timer, ctx));
  }
  absl::Status Evolve(const EventMeta& meta, std::string_view bytes) final {
    const Event* event = events_.Parse(bytes);
    if (!event) return absl::DataLossError("journal event does not parse");
    Stream& now = Awake(meta.stream);
    absl::Status status = EvolveStream(now, meta, *event);
    if (Settled(now)) {
      settled_[KeyOf(meta.stream)] = EqualBytes(now);
      streams_.erase(KeyOf(meta.stream));
    }
    return status;
  }
  Bytes Save(std::string_view stream) const final {
    if (auto settled = settled_.find(KeyOf(stream)); settled != settled_.end()) return settled->second;
    auto it = streams_.find(KeyOf(stream));
    return it != streams_.end() ? EqualBytes(it->second) : "";
  }
  absl::Status Load(std::string_view stream, std::string_view bytes) final {
    Stream before;
    if (const Stream* there = Find(stream)) before = *there;  // a moving scan may bring a stream twice
    if (!read_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return absl::DataLossError("stream state does not parse");
    Loaded(stream, before, read_);
    if (Settled(read_)) {
      settled_[KeyOf(stream)] = bytes;
      streams_.erase(KeyOf(stream));
    } else {
      streams_[KeyOf(stream)].Swap(&read_);
      settled_.erase(KeyOf(stream));
    }
    return absl::OkStatus();
  }
  std::vector<std::string> Rows(std::string_view stream) const final {
    const Stream* s = Find(stream);
    return s ? RowsOf(stream, *s) : std::vector<std::string>();
  }
  absl::StatusOr<std::vector<PublicEvent>> Publish(const EventMeta& meta, std::string_view bytes) const final {
    const Event* event = events_.Parse(bytes);
    if (!event) return absl::DataLossError("journal event does not parse");
    return PublicEvents(meta, *event);
  }

  // Null when there is no such stream. The state of a settled stream holds until the next call for a settled one.
  const Stream* Find(std::string_view stream) const {
    if (auto it = streams_.find(KeyOf(stream)); it != streams_.end()) return &it->second;
    auto settled = settled_.find(KeyOf(stream));
    if (settled == settled_.end()) return nullptr;
    read_.ParseFromString(settled->second);
    return &read_;
  }

 protected:
  virtual Decision<Event> DecideCommand(const Command& command, const Context& ctx) const = 0;
  virtual Decision<Event> DecideTimer(const FiredTimer& timer, const Context& ctx) const = 0;
  // Switches over the oneof without default; an event not set (unknown) is DATA_LOSS.
  virtual absl::Status EvolveStream(Stream& stream, const EventMeta& meta, const Event& event) = 0;
  virtual std::vector<std::string> RowsOf(std::string_view id, const Stream& stream) const = 0;
  virtual std::vector<PublicEvent> PublicEvents(const EventMeta& meta, const Event& event) const = 0;
  // A state came from a snapshot; `before` is empty unless the stream was there already.
  virtual void Loaded(std::string_view /*id*/, const Stream& /*before*/, const Stream& /*loaded*/) {}
  // True for a state that hardly anything will ask for again.
  virtual bool Settled(const Stream&) const { return false; }

  // Those that are not settled.
  const absl::flat_hash_map<std::string, Stream>& streams() const { return streams_; }

 private:
  static absl::string_view KeyOf(std::string_view stream) { return {stream.data(), stream.size()}; }

  // The stream to be changed, made where it is new.
  Stream& Awake(std::string_view stream) {
    Stream& now = streams_[KeyOf(stream)];
    if (auto settled = settled_.find(KeyOf(stream)); settled != settled_.end()) {
      now.ParseFromString(settled->second);
      settled_.erase(settled);
    }
    return now;
  }

  static Decision<Bytes> Encode(Decision<Event> typed) {
    if (auto* refusal = std::get_if<Refusal>(&typed)) return std::move(*refusal);
    if (auto* cold = std::get_if<NeedsCold>(&typed)) return std::move(*cold);
    auto& d = std::get<Decided<Event>>(typed);
    Decided<Bytes> out{.events = {}, .timers = std::move(d.timers), .resource = std::move(d.resource)};
    for (auto& [stream, event] : d.events) out.Add(std::move(stream), event.SerializeAsString());
    return out;
  }

  absl::flat_hash_map<std::string, Stream> streams_;
  absl::flat_hash_map<std::string, Bytes> settled_;
  mutable ParseRoom<Event> events_;
  mutable Stream read_;
};

// "<index>\x1f<value>\x1f<sort key>\x1f<stream>"; sort keys of times are fixed-width so that they sort as text.
std::string Row(std::string_view index, std::string_view value, int64_t sort_ms, std::string_view stream);

}  // namespace civicmesh
