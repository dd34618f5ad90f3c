// How a domain answers Get and List from hot state (R6): what is not verified is UNAVAILABLE, never NOT_FOUND.
//
//   ReadStream(*service.reads, shard, id, AnswerRead<CaseState>(finish, …));     // README.md shows whole handlers
//   ListRows(*service.reads, {.index = "unit", .value = unit, .shards = 8, .page_size = request->page_size(),
//                             .page_token = request->page_token()}, [=](ListResult r) { … });
//
// Rows are made by the machine (Row in decider/typed_machine.h) and sort as text by their sort key, then stream. All
// functions return at once; `done` is called exactly once, on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/support/status.h"

namespace civicmesh {

class HotReads;

struct StreamResult {
  // UNAVAILABLE: hot state cannot be trusted now. NOT_FOUND: there is no such stream.
  grpc::Status status;
  std::string state;  // as the domain saved it
  uint64_t version = 0;
};

void ReadStream(HotReads& reads, int shard, const std::string& stream, std::function<void(StreamResult)> done);

struct ListQuery {
  std::string index;
  std::string value;
  // Sort keys in [from_ms, to_ms); to_ms 0: no upper end.
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  bool descending = false;
  // The shards 0 to shards - 1 are asked; or only `only_shard` where it is not negative.
  int shards = 1;
  int only_shard = -1;
  // 0: 50; at most 500. Negative: INVALID_ARGUMENT.
  int page_size = 0;
  // From ListResult, for the same question; another one's is INVALID_ARGUMENT.
  std::string page_token;
};

struct ListResult {
  grpc::Status status;
  // Stream and state, in the order asked for. A stream that changed its rows meanwhile may be missing.
  std::vector<std::pair<std::string, std::string>> entries;
  std::string next_page_token;  // empty: that was all
};

void ListRows(HotReads& reads, const ListQuery& query, std::function<void(ListResult)> done);

// A page token: where to go on, bound to the question by its digest. Not secret, and not proof of anything.
std::string EncodePageToken(const std::string& question, const std::string& position);
// False where the token was not made for this question.
bool DecodePageToken(const std::string& question, const std::string& token, std::string* position);

}  // namespace civicmesh
