#include "services/runtime/base/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <istream>
#include <utility>

#include "absl/strings/ascii.h"

namespace civicmesh {
namespace {

constexpr long kConnectMs = 3000;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Received {
  CURL* handle;
  const HttpRequest& request;
  HttpAnswer answer;
  absl::Status taken;
};

size_t TakeBody(char* data, size_t size, size_t count, void* to) {
  auto* received = static_cast<Received*>(to);
  const std::string_view piece(data, size * count);
  long status = 0;
  curl_easy_getinfo(received->handle, CURLINFO_RESPONSE_CODE, &status);
  if (received->request.take && status >= 200 && status < 300) {
    received->taken = received->request.take(piece);
    return received->taken.ok() ? piece.size() : 0;  // 0 ends the transfer
  }
  if (received->answer.body.size() + piece.size() > received->request.max_answer_bytes) return 0;
  received->answer.body.append(piece);
  return piece.size();
}

size_t TakeHeader(char* data, size_t size, size_t count, void* to) {
  const std::string line(data, size * count);
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return line.size();
  std::string name = line.substr(0, colon), value = line.substr(colon + 1);
  absl::AsciiStrToLower(&name);
  absl::StripAsciiWhitespace(&value);
  static_cast<Received*>(to)->answer.headers[name] = value;
  return line.size();
}

struct Given {
  const HttpRequest& request;
  int64_t left;
};

size_t GiveBody(char* data, size_t size, size_t count, void* from) {
  auto* given = static_cast<Given*>(from);
  if (given->left == 0) return 0;
  given->request.stream->read(data, std::min<int64_t>(given->left, static_cast<int64_t>(size * count)));
  const std::streamsize got = given->request.stream->gcount();
  given->left -= got;
  return got > 0 ? static_cast<size_t>(got) : CURL_READFUNC_ABORT;
}

// A connection that was kept may turn out to be closed once a part is sent.
int GiveAgain(void* from, curl_off_t offset, int) {
  auto* given = static_cast<Given*>(from);
  given->request.stream->clear();
  given->left = given->request.stream_bytes - offset;
  return given->request.stream->seekg(offset) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

void SetBody(CURL* handle, const HttpRequest& request, Given& given) {
  if (request.stream) {
    curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.stream_bytes));
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, GiveBody);
    curl_easy_setopt(handle, CURLOPT_READDATA, &given);
    curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, GiveAgain);
    curl_easy_setopt(handle, CURLOPT_SEEKDATA, &given);
  } else if (request.method == "PUT" || request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void SetPatience(CURL* handle, const HttpRequest& request) {
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  if (request.stream || request.take) {
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(absl::ToInt64Seconds(request.wait)));
  } else {
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(request.wait)));
  }
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
  Received received{.handle = handle, .request = request};
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "civicmesh");
  if (!request.authorities.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, request.authorities.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, TakeHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &received);
  SetPatience(handle, request);
  Given given{.request = request, .left = request.stream_bytes};
  SetBody(handle, request, given);
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  {
    absl::MutexLock lock(&mutex_);
    idle_.push_back(handle);
  }
  if (!received.taken.ok()) return received.taken;
  if (code == CURLE_ABORTED_BY_CALLBACK) return absl::UnavailableError("what was to be sent ended before its end");
  if (code == CURLE_WRITE_ERROR) return absl::OutOfRangeError("the answer is too long");
  if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
  received.answer.status = static_cast<int>(status);
  return std::move(received.answer);
}

}  // namespace civicmesh
