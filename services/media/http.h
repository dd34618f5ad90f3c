// One HTTP request with libcurl: verifies certificates, follows no redirect.
//
//   InitHttp();                                     // once, before threads
//   Http http;                                      // keeps its connections; any thread, one at a time
//   auto answer = http.Send({.method = "GET", .url = …});
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace civicmesh::media {

void InitHttp();

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "name: value"
  std::string body;
  size_t max_answer_bytes = 1 << 20;
  absl::Duration wait = absl::Seconds(10);
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
  absl::Mutex mutex_;
  std::vector<void*> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace civicmesh::media
