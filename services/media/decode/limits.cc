#include "services/media/decode/limits.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace civicmesh::media {
namespace {

constexpr rlim_t kCpuSeconds = 20, kDescriptors = 32;
// README.md has what decoding takes.
constexpr rlim_t kAddresses = rlim_t{1} << 30;

bool Limit(__rlimit_resource_t what, rlim_t most) {
  const rlimit limit{most, most};
  return setrlimit(what, &limit) == 0;
}

}  // namespace

bool LimitMyself() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // They reserve terabytes of addresses.
  if (!Limit(RLIMIT_AS, kAddresses)) return false;
#endif
  return Limit(RLIMIT_CPU, kCpuSeconds) && Limit(RLIMIT_FSIZE, 0) && Limit(RLIMIT_CORE, 0) &&
         Limit(RLIMIT_NOFILE, kDescriptors) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

}  // namespace civicmesh::media
