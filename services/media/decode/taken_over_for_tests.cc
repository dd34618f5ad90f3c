// A decoder that the stranger's file has taken over: preloaded, it stands in for libexif, and tries what the file's
// EXIF block tells it to ("Exif\0\0attempt:socket"). It goes on as if nothing were the matter, so that only an attempt
// that kills the process can be told from none.
#include <fcntl.h>
#include <libexif/exif-data.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string_view>

extern "C" void exif_data_load_data(ExifData*, const unsigned char* block, unsigned size) {
  const std::string_view all(reinterpret_cast<const char*>(block), size);
  const auto told = [&](std::string_view attempt) { return all.find(attempt) != all.npos; };
  if (told("attempt:file")) open("/etc/passwd", O_RDONLY);
  if (told("attempt:socket")) socket(AF_INET, SOCK_STREAM, 0);
  if (told("attempt:program")) execl("/bin/true", "true", nullptr);
  if (told("attempt:trace")) ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
}
