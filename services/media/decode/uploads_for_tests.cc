#include "services/media/decode/uploads_for_tests.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace civicmesh::media {
namespace {

using std::string_literals::operator""s;

constexpr int kShort = 3, kLong = 4, kAscii = 2, kRational = 5;

struct Field {
  int tag, type;
  uint32_t count;
  std::string value;
};

std::string Directory(const std::vector<Field>& fields, size_t at) {
  std::string entries = LittleEndian(static_cast<uint32_t>(fields.size()), 2), beside;
  const size_t beside_at = at + 2 + 12 * fields.size() + 4;
  for (const Field& field : fields) {
    std::string value = field.value;
    if (value.size() > 4) {
      value = LittleEndian(static_cast<uint32_t>(beside_at + beside.size()), 4);
      beside += field.value;
    }
    value.resize(4);
    entries += LittleEndian(field.tag, 2) + LittleEndian(field.type, 2) + LittleEndian(field.count, 4) + value;
  }
  return entries + LittleEndian(0, 4) + beside;
}

Field Text(int tag, const std::string& text) {
  return {tag, kAscii, static_cast<uint32_t>(text.size() + 1), text + '\0'};
}

Field Fractions(int tag, const std::vector<uint32_t>& numbers) {
  std::string value;
  for (const uint32_t number : numbers) value += LittleEndian(number, 4);
  return {tag, kRational, static_cast<uint32_t>(numbers.size() / 2), value};
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Temporary(const std::string& ending) {
  static int made = 0;
  return testing::TempDir() + "/media-" + std::to_string(getpid()) + "-" + std::to_string(made++) + ending;
}

}  // namespace

cv::Mat Scene(int width, int height, int seed) {
  cv::RNG random(static_cast<uint64_t>(seed) * 7919 + 1);
  cv::Mat picture(height, width, CV_8UC3, cv::Scalar::all(random.uniform(60, 200)));
  for (int i = 0; i < 40; ++i) {
    const double size = i < 8 ? 0.4 : 0.1;
    const cv::Point at(random.uniform(0, width), random.uniform(0, height));
    const cv::Size extent(static_cast<int>(width * random.uniform(0.02, size)),
                          static_cast<int>(height * random.uniform(0.02, size)));
    const cv::Scalar colour(random.uniform(0, 256), random.uniform(0, 256), random.uniform(0, 256));
    if (i % 2 == 0)
      cv::rectangle(picture, {at, extent}, colour, cv::FILLED);
    else
      cv::ellipse(picture, at, extent, random.uniform(0, 180), 0, 360, colour, cv::FILLED);
  }
  cv::Mat noise(height, width, CV_8UC3);
  cv::theRNG().state = 42;
  cv::randu(noise, 0, 12);
  return picture + noise;
}

std::string Encoded(const cv::Mat& picture, const char* extension, const std::vector<int>& parameters) {
  std::vector<uchar> bytes;
  EXPECT_TRUE(cv::imencode(extension, picture, bytes, parameters));
  return {bytes.begin(), bytes.end()};
}

std::string BigEndian(uint32_t value, int bytes) {
  std::string written;
  for (int i = bytes - 1; i >= 0; --i) written += static_cast<char>(value >> 8 * i);
  return written;
}

std::string LittleEndian(uint32_t value, int bytes) {
  std::string written;
  for (int i = 0; i < bytes; ++i) written += static_cast<char>(value >> 8 * i);
  return written;
}

std::string ExifBlock(const ExifFields& fields) {
  constexpr size_t kExifAt = 512, kGpsAt = 1024;
  std::vector<Field> first, exif, gps;
  if (fields.orientation != 0)
    first.push_back({0x0112, kShort, 1, LittleEndian(static_cast<uint32_t>(fields.orientation), 2)});
  if (!fields.taken_at.empty()) exif.push_back(Text(0x9003, fields.taken_at));
  if (!fields.latitude_ref.empty()) gps.push_back(Text(1, fields.latitude_ref));
  if (!fields.latitude.empty()) gps.push_back(Fractions(2, fields.latitude));
  if (!fields.longitude_ref.empty()) gps.push_back(Text(3, fields.longitude_ref));
  if (!fields.longitude.empty()) gps.push_back(Fractions(4, fields.longitude));
  first.push_back({0x8769, kLong, 1, LittleEndian(kExifAt, 4)});
  first.push_back({0x8825, kLong, 1, LittleEndian(kGpsAt, 4)});
  std::string block = "II*\0"s + LittleEndian(8, 4) + Directory(first, 8);
  block.resize(kExifAt);
  block += Directory(exif, kExifAt);
  block.resize(kGpsAt);
  return block + Directory(gps, kGpsAt);
}

std::string JpegSegment(int marker, std::string_view body) {
  return std::string{'\xFF', static_cast<char>(marker)} + BigEndian(static_cast<uint32_t>(body.size() + 2), 2) +
         std::string(body);
}

std::string WithSegments(const std::string& jpeg, const std::string& segments) {
  return jpeg.substr(0, 2) + segments + jpeg.substr(2);
}

std::string JpegWithExif(const std::string& jpeg, const std::string& block) {
  return WithSegments(jpeg, JpegSegment(0xE1, "Exif\0\0"s + block));
}

std::string PngChunk(const std::string& type, const std::string& body) {
  const std::string checked = type + body;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return BigEndian(static_cast<uint32_t>(body.size()), 4) + checked + BigEndian(static_cast<uint32_t>(sum), 4);
}

std::string PngWithExif(const std::string& png, const std::string& block) {
  constexpr size_t kAfterHeader = 8 + 25;
  return png.substr(0, kAfterHeader) + PngChunk("eXIf", block) + png.substr(kAfterHeader);
}

std::string WebpWithExif(const std::string& webp, int width, int height, const std::string& block) {
  constexpr int kHasExif = 0x08;
  const std::string canvas = LittleEndian(kHasExif, 4) + LittleEndian(static_cast<uint32_t>(width - 1), 3) +
                             LittleEndian(static_cast<uint32_t>(height - 1), 3);
  std::string chunks = "WEBPVP8X" + LittleEndian(10, 4) + canvas + webp.substr(12) + "EXIF" +
                       LittleEndian(static_cast<uint32_t>(block.size()), 4) + block;
  if (block.size() % 2 == 1) chunks += '\0';
  return "RIFF" + LittleEndian(static_cast<uint32_t>(chunks.size()), 4) + chunks;
}

std::string Ffmpeg(const std::string& arguments, const std::string& extension) {
  const std::string path = Temporary(extension);
  EXPECT_EQ(std::system(("ffmpeg -nostdin -v error -y " + arguments + " " + path).c_str()), 0) << arguments;
  std::string bytes = ReadAll(path);
  unlink(path.c_str());
  return bytes;
}

std::string Ffmpeg(const std::string& file, const std::string& arguments, const std::string& extension) {
  const std::string path = Temporary(".media");
  std::ofstream(path, std::ios::binary) << file;
  std::string with_path = arguments;
  std::string bytes = Ffmpeg(with_path.replace(arguments.find("INPUT"), 5, path), extension);
  unlink(path.c_str());
  return bytes;
}

std::string Ffprobe(const std::string& file, const std::string& arguments) {
  const std::string path = Temporary(".media"), said = path + ".txt";
  std::ofstream(path, std::ios::binary) << file;
  EXPECT_EQ(std::system(("ffprobe -v error " + arguments + " " + path + " > " + said).c_str()), 0) << arguments;
  std::string text = ReadAll(said);
  unlink(path.c_str());
  unlink(said.c_str());
  return text;
}

Script::Script(const std::string& text) : path_(Temporary(".sh")) {
  std::ofstream(path_) << "#!/bin/sh\n" << text << "\n";
  chmod(path_.c_str(), 0700);
}

Script::~Script() { unlink(path_.c_str()); }

}  // namespace civicmesh::media
