#include "services/runtime/rpc/curl_get.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "services/runtime/base/http.h"

namespace civicmesh {
namespace {

constexpr absl::Duration kWait = absl::Seconds(5);
constexpr size_t kMaxBytes = 64 * 1024;

}  // namespace

std::function<absl::StatusOr<std::string>()> NewCurlGet(const std::string& url, const std::string& authorities) {
  const auto http = std::make_shared<Http>();
  return [http, request = HttpRequest{.method = "GET",
                                      .url = url,
                                      .max_answer_bytes = kMaxBytes,
                                      .wait = kWait,
                                      .authorities = authorities}]() -> absl::StatusOr<std::string> {
    auto answer = http->Send(request);
    if (absl::IsOutOfRange(answer.status())) return absl::InvalidArgumentError("more than a key set may be");
    if (!answer.ok()) return answer.status();
    if (answer->status != 200) return absl::InvalidArgumentError(absl::StrCat("answered with status ", answer->status));
    return std::move(answer->body);
  };
}

}  // namespace civicmesh
