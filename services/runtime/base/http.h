// HTTP requests with libcurl: certificates are checked, redirects not followed, proxies not used.
//
//   Http http;                                           // keeps its connections; made before there are threads
//   auto answer = http.Send({.method = "GET", .url = …});
//
// Thread-safe; Send blocks for at most the request's wait.
#pragma once

#include <memory>
#include <string>
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
  size_t max_answer_bytes = 1 << 20;
  absl::Duration wait = absl::Seconds(10);
  std::string authorities;  // a PEM file with those who may certify the server; empty: the machine's
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class Http {
 public:
  Http();
  ~Http();

  // UNAVAILABLE: no whole answer came. OUT_OF_RANGE: it is longer than asked for. No message holds the address, which
  // may be signed.
  absl::StatusOr<HttpAnswer> Send(const HttpRequest& request);

 private:
  bool ready_ = false;
  absl::Mutex mutex_;
  std::vector<void*> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace civicmesh
