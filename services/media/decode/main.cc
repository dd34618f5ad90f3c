// civicmesh-decode picture|voice < FILE: takes a file of a stranger apart, in a process that is of no use for anything
// else. decode.h runs it; by hand the standard input has to be a file, for a voice one in memory. 0: answered
// (answer.h), a refusal included.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>
#include <opencv2/core.hpp>
#include <string>
#include <string_view>

#include "services/media/decode/answer.h"
#include "services/media/decode/decode.h"
#include "services/media/decode/limits.h"
#include "services/media/decode/picture.h"
#include "services/media/decode/sandbox.h"
#include "services/media/decode/voice.h"

namespace civicmesh::media {
namespace {

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

// By write alone: a stream asks for more than the filter allows.
int Say(std::string_view answer) {
  while (!answer.empty()) {
    const ssize_t count = write(STDOUT_FILENO, answer.data(), answer.size());
    if (count < 0) return 1;
    answer.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

int Main(std::string_view kind) {
  if (!LimitMyself()) return kNotRun;
  const bool picture = kind == "picture";
  if (picture && !WarmUp()) return kNotRun;
  const std::string_view file = Mapped();
  if (picture ? !ShutInForPictures() : !ShutInForVoices()) return kNotShutIn;
  if (picture) return Say(Write(Pictured(file)));
  const auto voice = MakeVoice(file);
  return voice.ok() ? Say(Write(*voice)) : kNotRun;
}

}  // namespace
}  // namespace civicmesh::media

int main(int argc, char** argv) {
  // What the libraries would tidy up at an exit is not worth what could go wrong there.
  _exit(argc == 2 ? civicmesh::media::Main(argv[1]) : 2);
}
