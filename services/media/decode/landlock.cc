#include "services/media/decode/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace civicmesh::media {
namespace {

// As Linux 6.12 has it; Debian 12's headers know the first field only. An older kernel takes the rest if it is zero.
struct Ruleset {
  uint64_t files, net, scoped;
};

constexpr uint64_t Lowest(int bits) { return (uint64_t{1} << bits) - 1; }

// By the version of the kernel's interface; what came later is unknown here and stays allowed.
Ruleset AllThatItKnows(long version) {
  const int files = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
  return {.files = Lowest(files), .net = Lowest(version >= 4 ? 2 : 0), .scoped = Lowest(version >= 6 ? 2 : 0)};
}

long Version() { return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION); }

bool Add(int ruleset, const Allowed& allowed) {
  const int path = open(allowed.path, O_PATH | O_CLOEXEC);
  if (path < 0) return errno == ENOENT;
  struct stat status {};
  const bool folder = fstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  landlock_path_beneath_attr rule{.allowed_access = 0, .parent_fd = path};
  if (allowed.read) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_FILE | (folder ? LANDLOCK_ACCESS_FS_READ_DIR : 0);
  if (allowed.run) rule.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
  if (allowed.write) rule.allowed_access |= LANDLOCK_ACCESS_FS_WRITE_FILE;
  const bool added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  close(path);
  return added;
}

}  // namespace

bool HasLandlock() { return Version() > 0; }

bool AllowOnly(std::span<const Allowed> allowed) {
  const Ruleset all = AllThatItKnows(Version());
  const auto ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0));
  if (ruleset < 0) return false;
  bool added = true;
  for (const Allowed& one : allowed) added = added && Add(ruleset, one);
  const bool restricted = added && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return restricted;
}

}  // namespace civicmesh::media
