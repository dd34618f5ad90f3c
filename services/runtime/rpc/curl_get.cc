#include "services/runtime/rpc/curl_get.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/str_cat.h"

namespace civicmesh {
namespace {

constexpr long kConnectMs = 3000, kWholeMs = 5000;
constexpr size_t kMaxBytes = 64 * 1024;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

// Fewer bytes than came end the transfer.
size_t Take(char* data, size_t size, size_t count, void* into) {
  auto* text = static_cast<std::string*>(into);
  if (text->size() + size * count > kMaxBytes) return 0;
  text->append(data, size * count);
  return size * count;
}

absl::StatusOr<std::string> Get(CURL* handle) {
  std::string text;
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &text);
  const CURLcode done = curl_easy_perform(handle);
  if (done == CURLE_WRITE_ERROR) return absl::InvalidArgumentError("more than a key set may be");
  if (done != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(done));
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return absl::InvalidArgumentError(absl::StrCat("answered with status ", status));
  return text;
}

}  // namespace

std::function<absl::StatusOr<std::string>()> NewCurlGet(const std::string& url, const std::string& authorities) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::shared_ptr<CURL> handle(kReady == CURLE_OK ? curl_easy_init() : nullptr, EasyDeleter());
  if (!handle) return [] { return absl::UnavailableError("libcurl does not start"); };
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, Take);
  curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, kWholeMs);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_USERAGENT, "civicmesh");
  if (!authorities.empty()) {
    curl_easy_setopt(handle.get(), CURLOPT_CAINFO, authorities.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_CAPATH, nullptr);
  }
  return [handle] { return Get(handle.get()); };
}

}  // namespace civicmesh
