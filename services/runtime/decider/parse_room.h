// Where one message after another is parsed into the same memory: a replay parses hundreds of thousands, and making
// and freeing each one's parts would be a third of its time.
#pragma once

#include <array>
#include <string_view>

#include "google/protobuf/arena.h"

namespace civicmesh {

// One thread uses a room. Nothing blocks.
template <typename Message>
class ParseRoom {
 public:
  ParseRoom() = default;
  ParseRoom(const ParseRoom&) = delete;
  ParseRoom& operator=(const ParseRoom&) = delete;

  // The message in `bytes`, until the next call; null where they do not parse.
  const Message* Parse(std::string_view bytes) {
    arena_.Reset();
    auto* message = google::protobuf::Arena::CreateMessage<Message>(&arena_);
    return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ? message : nullptr;
  }

 private:
  static google::protobuf::ArenaOptions Within(std::array<char, 8192>& block) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block.data();
    options.initial_block_size = block.size();
    return options;
  }

  alignas(8) std::array<char, 8192> block_;
  google::protobuf::Arena arena_{Within(block_)};
};

}  // namespace civicmesh
