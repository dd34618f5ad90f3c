#include "services/media/decode/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <span>

#include "services/media/decode/landlock.h"

namespace civicmesh::media {
namespace {

// Memory, what is open, waiting, the time, and the end. The C library asks for some of these rarely: for sysinfo when
// it sorts much, for the time where a machine's clock cannot be read without the kernel.
constexpr int kToCompute[] = {SCMP_SYS(read),
                              SCMP_SYS(write),
                              SCMP_SYS(close),
                              SCMP_SYS(lseek),
                              SCMP_SYS(brk),
                              SCMP_SYS(munmap),
                              SCMP_SYS(mremap),
                              SCMP_SYS(madvise),
                              SCMP_SYS(futex),
                              SCMP_SYS(sched_yield),
                              SCMP_SYS(sched_getaffinity),
                              SCMP_SYS(clock_gettime),
                              SCMP_SYS(clock_nanosleep),
                              SCMP_SYS(gettimeofday),
                              SCMP_SYS(getrandom),
                              SCMP_SYS(getpid),
                              SCMP_SYS(gettid),
                              SCMP_SYS(sysinfo),
                              SCMP_SYS(rt_sigprocmask),
                              SCMP_SYS(restart_syscall),
                              SCMP_SYS(exit),
                              SCMP_SYS(exit_group)};

#ifdef __SANITIZE_ADDRESS__
// UBSan finds out whether memory can be read by writing it to a pipe; AddressSanitizer puts its signal stack away when
// it unwinds. Its report, which opens files, is killed as a decoder that was taken over would be.
constexpr int kForSanitizers[] = {SCMP_SYS(pipe2), SCMP_SYS(sigaltstack)};
#else
constexpr std::array<int, 0> kForSanitizers;
#endif

// No kill: who runs this process ends its whole group. No clone3, whose flags a filter cannot see; the C library then
// takes clone.
constexpr int kToRunPrograms[] = {SCMP_SYS(execve),
                                  SCMP_SYS(wait4),
                                  SCMP_SYS(waitid),
                                  SCMP_SYS(pidfd_open),
                                  SCMP_SYS(pipe2),
                                  SCMP_SYS(dup2),
                                  SCMP_SYS(dup3),
                                  SCMP_SYS(close_range),
                                  SCMP_SYS(fcntl),
                                  SCMP_SYS(poll),
                                  SCMP_SYS(ppoll),
                                  SCMP_SYS(arch_prctl),
                                  SCMP_SYS(set_tid_address),
                                  SCMP_SYS(set_robust_list),
                                  SCMP_SYS(rseq),
                                  SCMP_SYS(rt_sigaction),
                                  SCMP_SYS(rt_sigreturn),
                                  SCMP_SYS(sigaltstack),
                                  SCMP_SYS(fstat),
                                  SCMP_SYS(newfstatat),
                                  SCMP_SYS(fstatfs),
                                  SCMP_SYS(statfs),
                                  SCMP_SYS(access),
                                  SCMP_SYS(faccessat),
                                  SCMP_SYS(readlink),
                                  SCMP_SYS(readlinkat),
                                  SCMP_SYS(getdents64),
                                  SCMP_SYS(pread64),
                                  SCMP_SYS(readv),
                                  SCMP_SYS(writev),
                                  SCMP_SYS(getcwd),
                                  SCMP_SYS(uname),
                                  SCMP_SYS(getuid),
                                  SCMP_SYS(geteuid),
                                  SCMP_SYS(getgid),
                                  SCMP_SYS(getegid),
                                  SCMP_SYS(getppid),
                                  SCMP_SYS(getrusage),
                                  SCMP_SYS(times)};

class Filter {
 public:
  explicit Filter(uint32_t otherwise) : context_(seccomp_init(otherwise), seccomp_release) {
    good_ = context_ != nullptr && seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1) == 0;
  }
  void Allow(std::span<const int> calls) {
    for (const int call : calls) good_ = good_ && seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, call, 0) == 0;
  }
  // Where the bits of `mask` in the argument are `value`.
  void AllowIf(int call, unsigned argument, uint64_t mask, uint64_t value) {
    const scmp_arg_cmp compared = SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value);
    good_ = good_ && seccomp_rule_add_array(context_.get(), SCMP_ACT_ALLOW, call, 1, &compared) == 0;
  }
  bool Load() { return good_ && seccomp_load(context_.get()) == 0; }

 private:
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  bool good_ = false;
};

constexpr unsigned kProtection = 2;  // of mmap and mprotect

void AllowToCompute(Filter* filter) {
  filter->Allow(kToCompute);
  filter->Allow(kForSanitizers);
  filter->AllowIf(SCMP_SYS(mmap), kProtection, PROT_EXEC, 0);
  filter->AllowIf(SCMP_SYS(mprotect), kProtection, PROT_EXEC, 0);
}

// What the loader and ffmpeg ask for, as far as the arguments can tell: files only to be read or to be there already,
// code only as it stands in a file, no namespaces, no limit changed, nobody else's looked at.
void AllowToRunPrograms(Filter* filter) {
  filter->Allow(kToRunPrograms);
  constexpr uint64_t kMakes = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
  filter->AllowIf(SCMP_SYS(openat), 2, kMakes, 0);
  filter->AllowIf(SCMP_SYS(mmap), kProtection, PROT_WRITE, 0);
  constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                   CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE;
  filter->AllowIf(SCMP_SYS(clone), 0, kNamespaces, 0);
  filter->AllowIf(SCMP_SYS(prlimit64), 2, ~uint64_t{0}, 0);
}

// Programs are started by their interpreter, which lies among the libraries.
constexpr Allowed kForVoices[] = {
    {.path = "/usr/bin/ffmpeg", .read = true, .run = true}, {.path = "/usr/bin/ffprobe", .read = true, .run = true},
    {.path = "/usr/lib", .read = true, .run = true},        {.path = "/lib", .read = true, .run = true},
    {.path = "/lib64", .read = true, .run = true},          {.path = "/etc/ld.so.cache", .read = true},
    {.path = "/dev/null", .read = true, .write = true}};

bool Without(std::span<const Allowed> but) { return !HasLandlock() || AllowOnly(but); }

}  // namespace

bool ShutInForPictures() {
  Filter filter(SCMP_ACT_KILL_PROCESS);
  AllowToCompute(&filter);
  return Without({}) && filter.Load();
}

bool ShutInForVoices() {
  Filter filter(SCMP_ACT_ERRNO(ENOSYS));
  AllowToCompute(&filter);
  AllowToRunPrograms(&filter);
  return Without(kForVoices) && filter.Load();
}

}  // namespace civicmesh::media
