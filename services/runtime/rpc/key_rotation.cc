#include "services/runtime/rpc/key_rotation.h"

#include "services/runtime/base/log.h"

namespace civicmesh {

void KeyRotation::Look(int64_t steady_ms) {
  if (!read_ || steady_ms - looked_ms_ < kEveryMs) return;
  looked_ms_ = steady_ms;
  std::string text = read_();
  if (text == seen_) return;
  seen_ = std::move(text);
  if (auto rotated = tokens_->Rotate(seen_); rotated.ok())
    Log(Severity::kInfo, "another key set holds");
  else
    Log(Severity::kError, "the key set is unusable; the one before goes on to hold",
        {{"why", std::string(rotated.message())}});
}

}  // namespace civicmesh
