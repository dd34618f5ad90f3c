// A decoder that was taken over: what it tries is tried here for real, outside of the sandbox too, where it works.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "services/media/decode/child.h"
#include "services/media/decode/decode.h"
#include "services/media/decode/landlock.h"
#include "services/media/decode/limits.h"
#include "services/media/decode/sandbox.h"
#include "services/media/decode/uploads_for_tests.h"

namespace civicmesh::media {
namespace {

using std::string_literals::operator""s;

const DecoderOptions kOptions{.program = CIVICMESH_DECODE};
constexpr char kTone[] = "-f lavfi -i sine=frequency=440:duration=1 ";

// A file that whoever runs the tests may read and write.
class Secret {
 public:
  explicit Secret(const std::string& contents) { std::ofstream(path_, std::ios::binary) << contents; }
  ~Secret() { unlink(path_.c_str()); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_ = testing::TempDir() + "/secret-" + std::to_string(getpid());
};

constexpr int kDone = 0, kNotEvenShutIn = 255;

using ShutIn = bool();
bool NotAtAll() { return true; }

// Exit code, or minus the signal, of a process that shuts itself in and then tries: kDone, or errno as to why not.
int Try(ShutIn shut_in, const std::function<bool()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);  // It may write no file, should the tests' error output be one.
    if (!LimitMyself() || !shut_in()) _exit(kNotEvenShutIn);
    _exit(attempt() ? kDone : errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

bool Opens(const std::string& path, int how) { return open(path.c_str(), how, 0600) >= 0; }

bool Forks() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  return child > 0;
}

bool ReadsMemory() {
  char byte = 0;
  iovec here{&byte, 1}, there{&byte, 1};
  return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

bool Runs(std::vector<const char*> arguments) {
  arguments.push_back(nullptr);
  execv(arguments[0], const_cast<char* const*>(arguments.data()));
  return false;
}

void* Code(int protection) { return mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

struct Attempt {
  const char* what;
  std::function<bool()> attempt;
};

// Neither mode needs any of it.
std::vector<Attempt> Attempts(const std::string& path) {
  const pid_t tests = getpid();
  return {{"make a file", [=] { return Opens(path + ".new", O_WRONLY | O_CREAT); }},
          {"empty a file", [=] { return Opens(path, O_WRONLY | O_TRUNC); }},
          {"rename a file", [=] { return rename(path.c_str(), path.c_str()) == 0; }},
          {"change who may read", [=] { return chmod(path.c_str(), 0600) == 0; }},
          {"the network", [] { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }},
          {"a socket of this machine", [] { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }},
          {"trace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; }},
          {"read a process's memory", ReadsMemory},
          {"send a signal", [=] { return kill(tests, 0) == 0; }},
          {"outlive who called", [] { return prctl(PR_SET_PDEATHSIG, 0) == 0; }},
          {"make code", [] { return Code(PROT_READ | PROT_WRITE | PROT_EXEC) != MAP_FAILED; }},
          {"make data code", [] { return mprotect(Code(PROT_READ), 4096, PROT_READ | PROT_EXEC) == 0; }},
          {"a file in memory", [] { return memfd_create("code", 0) >= 0; }},
          {"take precedence", [] { return setpriority(PRIO_PROCESS, 0, 19) == 0; }},
          {"a limit", [] {
             const rlimit none{0, 0};
             return setrlimit(RLIMIT_CORE, &none) == 0;
           }}};
}

// What the machine may forbid by itself.
std::vector<Attempt> WhatMayBeForbidden() {
  return {{"namespaces", [] { return unshare(CLONE_NEWUSER) == 0; }},
          {"namespaces of a child", [] { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0; }},
          {"mount", [] { return mount("none", "/mnt", "tmpfs", 0, nullptr) == 0; }},
          {"keys of the kernel", [] { return syscall(SYS_keyctl, 0, -3, 0) >= 0; }},
          {"programs of the kernel", [] { return syscall(SYS_bpf, 0, nullptr, 0) >= 0 || errno == EINVAL; }},
          {"calls by a ring", [] { return syscall(SYS_io_uring_setup, 1, nullptr) >= 0 || errno == EFAULT; }},
          {"another's descriptor", [] { return syscall(SYS_pidfd_getfd, -1, 0, 0) >= 0 || errno == EBADF; }}};
}

MATCHER(IsRefused, "") { return arg == ENOSYS || arg == EACCES || arg == EPERM; }

TEST(SandboxTest, WhatATakenOverDecoderTriesWorksOutside) {
  const Secret secret("secret");
  for (const auto& [what, attempt] : Attempts(secret.path())) EXPECT_EQ(Try(NotAtAll, attempt), kDone) << what;
  unlink((secret.path() + ".new").c_str());
}

TEST(SandboxTest, APictureIsItsEnd) {
  const Secret secret("secret");
  EXPECT_EQ(Try(ShutInForPictures, [] { return getpid() > 0; }), kDone);
  std::vector<Attempt> all = Attempts(secret.path());
  for (const Attempt& more : WhatMayBeForbidden()) all.push_back(more);
  all.push_back({"read a file", [&] { return Opens(secret.path(), O_RDONLY); }});
  all.push_back({"look for a file", [&] { return access(secret.path().c_str(), F_OK) == 0; }});
  all.push_back({"a process", Forks});
  all.push_back({"a program", [] { return Runs({"/bin/true"}); }});
  for (const auto& [what, attempt] : all) EXPECT_EQ(Try(ShutInForPictures, attempt), -SIGSYS) << what;
}

TEST(SandboxTest, AVoiceIsRefusedIt) {
  const Secret secret("secret");
  std::vector<Attempt> all = Attempts(secret.path());
  for (const Attempt& more : WhatMayBeForbidden()) all.push_back(more);
  for (const auto& [what, attempt] : all) EXPECT_THAT(Try(ShutInForVoices, attempt), IsRefused()) << what;
  EXPECT_EQ(Try(ShutInForVoices, Forks), kDone);
}

TEST(SandboxTest, AVoiceHasNoFilesNorProgramsWhereThereIsLandlock) {
  const Secret secret("secret");
  for (const auto& [what, attempt] :
       std::vector<Attempt>{{"read a file", [&] { return Opens(secret.path(), O_RDONLY); }},
                            {"write a file", [&] { return Opens(secret.path(), O_WRONLY); }},
                            {"read an environment", [] { return Opens("/proc/self/environ", O_RDONLY); }},
                            {"list a folder", [] { return Opens("/etc", O_RDONLY | O_DIRECTORY); }},
                            {"a program", [] { return Runs({"/bin/true"}); }}}) {
    EXPECT_EQ(Try(NotAtAll, attempt), kDone) << what;
    EXPECT_EQ(Try(ShutInForVoices, attempt), HasLandlock() ? EACCES : kDone) << what;
  }
}

TEST(SandboxTest, FfmpegIsShutInToo) {
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listening, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(listen(listening, 9), 0);
  const std::string network = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const auto silence_as = [](const char* format, const char* to) {
    return Runs(
        {"/usr/bin/ffmpeg", "-nostdin", "-v", "quiet", "-f", "lavfi", "-i", "anullsrc", "-t", "0.1", "-f", format, to});
  };
  EXPECT_EQ(Try(ShutInForVoices, [&] { return silence_as("null", "-"); }), kDone);
  EXPECT_EQ(Try(NotAtAll, [&] { return silence_as("wav", network.c_str()); }), kDone);
  EXPECT_NE(Try(ShutInForVoices, [&] { return silence_as("wav", network.c_str()); }), kDone);
  close(listening);

  const Secret voice(Ffmpeg(kTone, ".wav"));
  const auto read = [&] {
    return Runs({"/usr/bin/ffmpeg", "-nostdin", "-v", "quiet", "-i", voice.path().c_str(), "-f", "null", "-"});
  };
  EXPECT_EQ(Try(NotAtAll, read), kDone);
  EXPECT_EQ(Try(ShutInForVoices, read) != kDone, HasLandlock());
}

// It may not be killed from within, so it must not be waited for.
TEST(SandboxTest, FfmpegThatDoesNotEndIsGivenUp) {
  const auto given_up = [] {
    const auto ended = media::Run({.arguments = {"/usr/bin/ffmpeg", "-nostdin", "-v", "quiet", "-f", "lavfi", "-i",
                                                 "anullsrc", "-f", "wav", "pipe:1"},
                                   .limit = absl::Hours(1),
                                   .longest_output = 1 << 20,
                                   .own_group = false},
                                  STDIN_FILENO);
    return ended.ok() && !ended->exited && ended->signal == SIGKILL;
  };
  EXPECT_EQ(Try(ShutInForVoices, given_up), kDone);
}

std::optional<Refused> RefusedAs(const DecoderOptions& options, const std::string& picture) {
  const auto decoded = DecodePicture(options, picture, "image/jpeg");
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  const auto* refused = std::get_if<Refused>(&*decoded);
  return refused ? std::optional(*refused) : std::nullopt;
}

TEST(SandboxTest, TheProgramDiesOfAFileThatTookItOver) {
  const Script taken_over("ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=" CIVICMESH_TAKEN_OVER
                          " exec " CIVICMESH_DECODE " \"$@\"");
  const auto told_to = [&](const std::string& attempt) {
    return RefusedAs({.program = taken_over.path()},
                     JpegWithExif(Encoded(Scene(100, 100, 1), ".jpg"), "attempt:" + attempt));
  };
  EXPECT_EQ(told_to("nothing"), std::nullopt);
  for (const char* attempt : {"file", "socket", "program", "trace"})
    EXPECT_EQ(told_to(attempt), Refused::kBroken) << attempt;
}

// Ordinary files are not what the service gives it.
TEST(SandboxTest, TheProgramHearsWhatIsInMemoryAlone) {
  const std::string wav = Ffmpeg(kTone, ".wav");
  const Secret voice(wav);
  EXPECT_TRUE(std::holds_alternative<Voice>(*DecodeVoice(kOptions, wav, "audio/wav")));
  const int heard = std::system((CIVICMESH_DECODE " voice < " + voice.path() + " | grep -q milliseconds").c_str());
  EXPECT_EQ(heard != 0, HasLandlock());
}

// In a thread whose system calls are answered as a container's may be, and those of what it starts.
void WhereTheKernelAnswers(int error, std::initializer_list<int> calls, const std::function<void()>& then) {
  std::thread([&] {
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    for (const int call : calls) {
      if (call == SCMP_SYS(prctl))
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), call, 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
      else
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), call, 0);
    }
    ASSERT_EQ(seccomp_load(filter), 0);
    seccomp_release(filter);
    then();
  }).join();
}

TEST(SandboxTest, WhereThereIsNoFilterNothingIsLookedAt) {
  const std::string jpeg = Encoded(Scene(100, 100, 1), ".jpg"), wav = Ffmpeg(kTone, ".wav");
  for (const int error : {EPERM, ENOSYS, EINVAL})
    WhereTheKernelAnswers(error, {SCMP_SYS(seccomp), SCMP_SYS(prctl)}, [&] {
      const std::pair<absl::Status, std::string> answers[] = {
          {DecodePicture(kOptions, jpeg, "image/jpeg").status(), "a picture"},
          {DecodePicture(kOptions, jpeg.substr(0, 100), "image/jpeg").status(), "half of one"},
          {DecodeVoice(kOptions, wav, "audio/wav").status(), "a voice"},
          {DecodeVoice(kOptions, wav.substr(0, 20), "audio/wav").status(), "half of one"}};
      for (const auto& [status, what] : answers) {
        EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << what;
        EXPECT_THAT(std::string(status.message()), testing::HasSubstr("seccomp")) << what;
      }
    });
}

TEST(SandboxTest, WhereThereIsNoLandlockItGoesWithout) {
  const std::string jpeg = Encoded(Scene(100, 100, 1), ".jpg"), wav = Ffmpeg(kTone, ".wav");
  for (const int error : {EPERM, ENOSYS})
    WhereTheKernelAnswers(error, {SCMP_SYS(landlock_create_ruleset)}, [&] {
      EXPECT_EQ(RefusedAs(kOptions, jpeg), std::nullopt);
      EXPECT_TRUE(std::holds_alternative<Voice>(*DecodeVoice(kOptions, wav, "audio/wav")));
    });
}

// One that is there but does not do what it should is no reason to go without.
TEST(SandboxTest, WhereLandlockFailsNothingIsLookedAt) {
  if (!HasLandlock()) return;
  const std::string jpeg = Encoded(Scene(100, 100, 1), ".jpg");
  WhereTheKernelAnswers(EPERM, {SCMP_SYS(landlock_restrict_self)}, [&] {
    EXPECT_EQ(DecodePicture(kOptions, jpeg, "image/jpeg").status().code(), absl::StatusCode::kUnavailable);
  });
}

}  // namespace
}  // namespace civicmesh::media
