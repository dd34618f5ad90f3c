#include "services/webhooks/curl_post.h"

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace civicmesh::webhooks {
namespace {

constexpr long kConnectMs = 5000, kWholeMs = 10000;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What a receiver says beside its status is of no use to us.
size_t Discard(char*, size_t size, size_t count, void*) { return size * count; }

int Send(CURL* handle, const Attempt& attempt) {
  curl_slist* list = nullptr;
  for (const std::string& header :
       {std::string("content-type: application/cloudevents+json"), absl::StrCat("webhook-id: ", attempt.id),
        absl::StrCat("webhook-timestamp: ", attempt.seconds), absl::StrCat("webhook-signature: ", attempt.signature),
        std::string("expect:")})
    list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, ListDeleter> headers(list);
  curl_easy_setopt(handle, CURLOPT_URL, attempt.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, attempt.body.data());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(attempt.body.size()));
  long status = 0;
  if (curl_easy_perform(handle) == CURLE_OK) curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

}  // namespace

void InitCurl() { curl_global_init(CURL_GLOBAL_DEFAULT); }

Post NewCurlPost() {
  std::shared_ptr<CURL> handle(curl_easy_init(), EasyDeleter());
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, Discard);
  curl_easy_setopt(handle.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, kWholeMs);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_USERAGENT, "civicmesh-webhooks");
  return [handle](const Attempt& attempt) { return Send(handle.get(), attempt); };
}

}  // namespace civicmesh::webhooks
