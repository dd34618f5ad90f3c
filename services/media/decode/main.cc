// civicmesh-decode picture|voice < FILE: takes a file of a stranger apart, in a process that is of no use for anything
// else. decode.h runs it; by hand the standard input has to be a file. 0: answered (answer.h), a refusal included.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>

#include "services/media/decode/answer.h"
#include "services/media/decode/decode.h"
#include "services/media/decode/limits.h"
#include "services/media/decode/picture.h"
#include "services/media/decode/voice.h"

namespace civicmesh::media {
namespace {

constexpr int kNotRun = 127;  // as a shell says it

std::string_view Mapped() {
  struct stat file {};
  if (fstat(STDIN_FILENO, &file) != 0 || file.st_size == 0) return {};
  const auto size = static_cast<size_t>(file.st_size);
  void* const at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
  if (at == MAP_FAILED || size > kMaxFile) return {};
  return {static_cast<const char*>(at), size};
}

std::variant<Picture, Refused> Pictured(std::string_view file) {
  try {
    return MakePicture(file);
  } catch (const std::bad_alloc&) {
    return Refused::kTooExpensive;
  } catch (const cv::Exception& exception) {
    return exception.code == cv::Error::StsNoMem ? Refused::kTooExpensive : Refused::kBroken;
  }
}

int Main(std::string_view kind) {
  if (!LimitMyself()) return kNotRun;
  std::string answer;
  if (kind == "picture") {
    answer = Write(Pictured(Mapped()));
  } else {
    const auto voice = MakeVoice(Mapped());
    if (!voice.ok()) return kNotRun;
    answer = Write(*voice);
  }
  return fwrite(answer.data(), 1, answer.size(), stdout) == answer.size() && fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace civicmesh::media

int main(int argc, char** argv) {
  // What the libraries would tidy up at an exit is not worth what could go wrong there.
  _exit(argc == 2 ? civicmesh::media::Main(argv[1]) : 2);
}
