#include "services/runtime/base/http.h"

#include <curl/curl.h>

#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

constexpr long kConnectMs = 3000;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Received {
  std::string bytes;
  size_t max;
};

size_t Take(char* data, size_t size, size_t count, void* to) {
  auto* received = static_cast<Received*>(to);
  if (received->bytes.size() + size * count > received->max) return 0;  // ends the transfer
  received->bytes.append(data, size * count);
  return size * count;
}

}  // namespace

Http::Http() {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  ready_ = kReady == CURLE_OK;
}
Http::~Http() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

absl::StatusOr<HttpAnswer> Http::Send(const HttpRequest& request) {
  CURL* handle = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      handle = idle_.back();
      idle_.pop_back();
    }
  }
  if (!handle && ready_) handle = curl_easy_init();
  if (!handle) return absl::UnavailableError("libcurl does not start");
  curl_easy_reset(handle);  // its connections stay
  curl_slist* list = curl_slist_append(nullptr, "expect:");
  for (const std::string& header : request.headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, ListDeleter> headers(list);
  Received received{.bytes = {}, .max = request.max_answer_bytes};
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "civicmesh");
  if (!request.authorities.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, request.authorities.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(request.wait)));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &received);
  if (request.method == "PUT" || request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  {
    absl::MutexLock lock(&mutex_);
    idle_.push_back(handle);
  }
  if (code == CURLE_WRITE_ERROR) return absl::OutOfRangeError("the answer is too long");
  if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
  return HttpAnswer{static_cast<int>(status), std::move(received.bytes)};
}

}  // namespace civicmesh
