#include "services/runtime/base/clock.h"

#include <chrono>

namespace civicmesh {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

class RealClock : public Clock {
 public:
  int64_t wall_ms() const override {
    return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  int64_t steady_ms() const override {
    return duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

}  // namespace

const Clock* Clock::Real() {
  static const RealClock real;
  return &real;
}

}  // namespace civicmesh
