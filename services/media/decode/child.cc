#include "services/media/decode/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace civicmesh::media {
namespace {

using std::chrono::steady_clock;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Returns errno's values, as posix_spawn does.
int Spawn(const Command& command, int file, int output, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, file, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                           (command.own_group ? POSIX_SPAWN_SETPGROUP : 0)));

  const int failed = posix_spawn(pid, command.arguments[0].c_str(), &actions, &attributes,
                                 Pointers(command.arguments).data(), Pointers(command.environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return failed;
}

// Reads what is there, and no more than a buffer beyond what is allowed. False: there will be no more.
bool ReadWhatIsThere(int from, size_t longest, std::string* output) {
  char buffer[1 << 16];
  while (output->size() <= longest) {
    const ssize_t count = read(from, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    output->append(buffer, static_cast<size_t>(count));
  }
  return true;
}

// Collects output until the process has ended by itself (true), or has to be ended.
bool Collect(const Command& command, int output, int process, std::string* collected) {
  const auto deadline = steady_clock::now() + absl::ToChronoNanoseconds(command.limit);
  pollfd ends[] = {{output, POLLIN, 0}, {process, POLLIN, 0}};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    if (poll(ends, 2, static_cast<int>(std::min<int64_t>(left, 1 << 30))) < 0 && errno != EINTR) return false;
    // What has ended may have written since the last look, so the end is looked at before the output.
    const bool ended = ends[1].revents != 0;
    if (ends[0].fd >= 0 && !ReadWhatIsThere(output, command.longest_output, collected)) ends[0].fd = -1;
    if (collected->size() > command.longest_output) return false;
    if (ended) return true;
  }
}

Ended Reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return {.exited = true, .code = WEXITSTATUS(status)};
  return {.signal = WTERMSIG(status)};
}

}  // namespace

int SealedFile(std::string_view contents) {
  Descriptor file(memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (file.get() >= 0 && !contents.empty()) {
    const ssize_t count = write(file.get(), contents.data(), contents.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    contents.remove_prefix(static_cast<size_t>(count));
  }
  if (file.get() < 0 || fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return -1;
  lseek(file.get(), 0, SEEK_SET);
  return fcntl(file.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

absl::StatusOr<Ended> Run(const Command& command, int file) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::UnavailableError(absl::StrCat("no pipe: ", strerror(errno)));
  Descriptor output(ends[0]), childs(ends[1]);
  fcntl(output.get(), F_SETFL, O_NONBLOCK);
  pid_t pid = 0;
  if (const int failed = Spawn(command, file, childs.get(), &pid); failed != 0)
    return absl::UnavailableError(absl::StrCat("cannot run ", command.arguments[0], ": ", strerror(failed)));
  childs.Close();
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  std::string collected;
  const bool by_itself = process.get() >= 0 && Collect(command, output.get(), process.get(), &collected);
  if (!by_itself && !command.own_group) return Ended{.signal = SIGKILL};
  // Not reaped yet, so the number is still its own.
  if (command.own_group) kill(-pid, SIGKILL);
  Ended ended = Reap(pid);
  if (!by_itself) return Ended{.signal = SIGKILL};
  ended.output = std::move(collected);
  return ended;
}

}  // namespace civicmesh::media
