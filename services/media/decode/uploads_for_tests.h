// Files as people upload them, and as nobody should: made by the tests, with OpenCV, with ffmpeg and by hand.
#pragma once

#include <opencv2/core.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace civicmesh::media {

// A scene with structure of its own for each seed: large shapes, small ones and noise.
cv::Mat Scene(int width, int height, int seed);
std::string Encoded(const cv::Mat& picture, const char* extension, const std::vector<int>& parameters = {});

// An EXIF block, from its byte order mark on. Fields left as they are here are not written.
struct ExifFields {
  int orientation = 0;
  std::string latitude_ref, longitude_ref;
  std::vector<uint32_t> latitude, longitude;  // three fractions, each two numbers
  std::string taken_at;
};
std::string ExifBlock(const ExifFields& fields);

std::string JpegSegment(int marker, std::string_view body);
// Right after its start.
std::string WithSegments(const std::string& jpeg, const std::string& segments);
std::string JpegWithExif(const std::string& jpeg, const std::string& block);
std::string PngChunk(const std::string& type, const std::string& body);
std::string PngWithExif(const std::string& png, const std::string& block);
std::string WebpWithExif(const std::string& webp, int width, int height, const std::string& block);

std::string BigEndian(uint32_t value, int bytes);
std::string LittleEndian(uint32_t value, int bytes);

// What ffmpeg writes for these arguments ("-i … -c:a …"), as a file of that extension.
std::string Ffmpeg(const std::string& arguments, const std::string& extension);
// The same, where `file` stands for "INPUT" among the arguments.
std::string Ffmpeg(const std::string& file, const std::string& arguments, const std::string& extension);
// What ffprobe says of it.
std::string Ffprobe(const std::string& file, const std::string& arguments);

// A program of the shell, which is gone with this.
class Script {
 public:
  explicit Script(const std::string& text);
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace civicmesh::media
