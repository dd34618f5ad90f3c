// HTTP requests with libcurl: certificates are checked, redirects not followed, proxies not used.
//
//   Http http;                                           // keeps its connections; made before there are threads
//   auto answer = http.Send({.method = "GET", .url = …});
//
// What is large need not be in memory: `stream` gives the body of a request, `take` takes that of an answer.
//
// Thread-safe; Send blocks for at most the request's wait.
#pragma once

#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace civicmesh {

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "name: value"
  std::string body;
  std::istream* stream = nullptr;  // of a PUT, in place of `body`: so many bytes from its beginning
  int64_t stream_bytes = 0;
  size_t max_answer_bytes = 1 << 20;
  // Is given the body of an answer of 2xx, piece by piece and however long; what it fails with ends the transfer.
  std::function<absl::Status(std::string_view piece)> take;
  absl::Duration wait = absl::Seconds(10);  // with `stream` or `take`, whole seconds in which nothing comes or goes
  std::string authorities;                  // a PEM file with those who may certify the server; empty: the machine's
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case; of several, the last
};

class Http {
 public:
  Http();
  ~Http();

  // UNAVAILABLE: no whole answer came, or `stream` ended too early. OUT_OF_RANGE: it is longer than asked for. What
  // `take` failed with. No message holds the address, which may be signed.
  absl::StatusOr<HttpAnswer> Send(const HttpRequest& request);

 private:
  bool ready_ = false;
  absl::Mutex mutex_;
  std::vector<void*> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace civicmesh
