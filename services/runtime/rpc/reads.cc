#include "services/runtime/rpc/reads.h"

#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "civicmesh/log/v1/log.pb.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/rpc/errors.h"
#include "services/runtime/rpc/hot_reads.h"

namespace civicmesh {
namespace {

constexpr int kDefaultPage = 50, kMaxPage = 500;
constexpr size_t kDigestBytes = 8;
constexpr char kSeparator = '\x1f';

grpc::Status Trusted(const absl::StatusOr<HotRead>& read) {
  if (read.ok() && read->verified) return grpc::Status::OK;
  return RuntimeError("REASON_RECOVERING", "", "", absl::Seconds(1));
}

std::string StreamOfRow(const std::string& row) { return row.substr(row.rfind(kSeparator) + 1); }

// One list under way: a range per shard, merged, then the states of what is on the page. Calls of several connections
// come back on several threads.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(HotReads& reads, const ListQuery& query, std::function<void(ListResult)> done)
      : reads_(reads), query_(query), done_(std::move(done)) {}

  void Start() {
    if (query_.page_size < 0) return Fail(RuntimeError("REASON_INVALID_ARGUMENT", "page_size"));
    if (query_.index.find(kSeparator) != std::string::npos || query_.value.find(kSeparator) != std::string::npos)
      return Fail(RuntimeError("REASON_INVALID_ARGUMENT"));
    page_ = query_.page_size == 0 ? kDefaultPage : std::min(query_.page_size, kMaxPage);
    prefix_ = absl::StrCat(query_.index, "\x1f", query_.value, "\x1f");
    question_ =
        absl::StrCat(prefix_, query_.from_ms, "/", query_.to_ms, "/", query_.descending, "/", query_.only_shard);
    std::string from = absl::StrCat(prefix_, query_.from_ms > 0 ? absl::StrFormat("%015d", query_.from_ms) : "");
    // 0x20 follows the separator: above every row of this value.
    std::string to = query_.to_ms > 0 ? absl::StrCat(prefix_, absl::StrFormat("%015d", query_.to_ms))
                                      : absl::StrCat(prefix_.substr(0, prefix_.size() - 1), " ");
    if (!query_.page_token.empty()) {
      std::string position;
      if (!DecodePageToken(question_, query_.page_token, &position))
        return Fail(RuntimeError("REASON_BAD_PAGE_TOKEN", "page_token"));
      if (query_.descending)
        to = std::min(to, absl::StrCat(prefix_, position));
      else
        from = std::max(from, absl::StrCat(prefix_, position) + '\0');
    }
    const int first = query_.only_shard >= 0 ? query_.only_shard : 0;
    const int last = query_.only_shard >= 0 ? query_.only_shard : query_.shards - 1;
    open_ = last - first + 1;
    for (int shard = first; shard <= last; ++shard)
      reads_.Range(
          shard, from, to, page_ + 1, query_.descending,
          [self = shared_from_this(), shard](absl::StatusOr<HotRead> read) { self->TakeRows(shard, std::move(read)); });
  }

 private:
  void Fail(grpc::Status status) { done_({.status = std::move(status), .entries = {}, .next_page_token = ""}); }

  void TakeRows(int shard, absl::StatusOr<HotRead> read) {
    {
      absl::MutexLock lock(&mutex_);
      if (grpc::Status s = Trusted(read); !s.ok()) {
        failed_ = s;
      } else {
        for (auto& row : read->values)
          if (row) rows_.emplace_back(std::move(*row), shard);
      }
      if (--open_ > 0) return;
    }
    if (!failed_.ok()) return Fail(failed_);
    ReadStates();
  }

  void ReadStates() {
    std::sort(rows_.begin(), rows_.end());
    if (query_.descending) std::reverse(rows_.begin(), rows_.end());
    if (rows_.size() > static_cast<size_t>(page_)) {
      rows_.resize(page_);
      result_.next_page_token = EncodePageToken(question_, rows_.back().first.substr(prefix_.size()));
    }
    std::map<int, std::vector<size_t>> places;
    for (size_t i = 0; i < rows_.size(); ++i) places[rows_[i].second].push_back(i);
    if (places.empty()) return done_(std::move(result_));
    states_.resize(rows_.size());
    open_ = static_cast<int>(places.size());
    for (auto& [shard, at] : places) {
      std::vector<std::string> keys;
      for (size_t i : at) keys.push_back(StreamOfRow(rows_[i].first));
      reads_.Read(
          shard, HotTable::kStreams, std::move(keys),
          [self = shared_from_this(), at](absl::StatusOr<HotRead> read) { self->TakeStates(at, std::move(read)); });
    }
  }

  void TakeStates(const std::vector<size_t>& places, absl::StatusOr<HotRead> read) {
    {
      absl::MutexLock lock(&mutex_);
      if (grpc::Status s = Trusted(read); !s.ok()) {
        failed_ = s;
      } else {
        for (size_t i = 0; i < places.size() && i < read->values.size(); ++i)
          states_[places[i]] = std::move(read->values[i]);
      }
      if (--open_ > 0) return;
    }
    if (!failed_.ok()) return Fail(failed_);
    for (size_t i = 0; i < rows_.size(); ++i) {
      log::v1::StreamValue value;
      if (states_[i] && value.ParseFromString(*states_[i]))
        result_.entries.emplace_back(StreamOfRow(rows_[i].first), std::move(*value.mutable_state()));
    }
    done_(std::move(result_));
  }

  HotReads& reads_;
  const ListQuery query_;
  const std::function<void(ListResult)> done_;
  int page_ = kDefaultPage;
  std::string prefix_, question_;

  // Guarded while calls are out (open_ > 0); whoever brings the last one goes on alone.
  absl::Mutex mutex_;
  int open_ = 0;
  grpc::Status failed_;
  std::vector<std::pair<std::string, int>> rows_;
  std::vector<std::optional<std::string>> states_;
  ListResult result_;
};

}  // namespace

void ReadStream(HotReads& reads, int shard, const std::string& stream, std::function<void(StreamResult)> done) {
  reads.Read(shard, HotTable::kStreams, {stream}, [done = std::move(done)](absl::StatusOr<HotRead> read) {
    StreamResult result;
    log::v1::StreamValue value;
    result.status = Trusted(read);
    if (result.status.ok() && (read->values.empty() || !read->values[0]))
      result.status = RuntimeError("REASON_NOT_FOUND", "name");
    if (result.status.ok() && !value.ParseFromString(*read->values[0]))
      result.status = RuntimeError("REASON_DATA_LOSS");
    if (result.status.ok()) {
      result.state = std::move(*value.mutable_state());
      result.version = value.version();
    }
    done(std::move(result));
  });
}

void ListRows(HotReads& reads, const ListQuery& query, std::function<void(ListResult)> done) {
  std::make_shared<Listing>(reads, query, std::move(done))->Start();
}

std::string EncodePageToken(const std::string& question, const std::string& position) {
  return absl::WebSafeBase64Escape(absl::StrCat(Sha256(question).substr(0, kDigestBytes), position));
}

bool DecodePageToken(const std::string& question, const std::string& token, std::string* position) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(token, &bytes) || bytes.size() < kDigestBytes ||
      bytes.substr(0, kDigestBytes) != Sha256(question).substr(0, kDigestBytes))
    return false;
  *position = bytes.substr(kDigestBytes);
  return true;
}

}  // namespace civicmesh
