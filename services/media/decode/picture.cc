#include "services/media/decode/picture.h"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "services/media/decode/exif.h"
#include "services/media/decode/formats.h"
#include "services/media/decode/limits.h"
#include "services/media/decode/structure.h"

namespace civicmesh::media {
namespace {

constexpr int kLongerSide = 2048, kThumbnailSide = 320, kQuality = 85;

cv::Mat Within(const cv::Mat& picture, int longer_side) {
  const double scale = static_cast<double>(longer_side) / std::max(picture.cols, picture.rows);
  if (scale >= 1) return picture;
  const cv::Size size(std::max(1, cvRound(picture.cols * scale)), std::max(1, cvRound(picture.rows * scale)));
  cv::Mat smaller;
  cv::resize(picture, smaller, size, 0, 0, cv::INTER_AREA);
  return smaller;
}

// As EXIF counts: from 5 on rows and columns have changed places.
cv::Mat Upright(cv::Mat picture, int orientation) {
  if (orientation >= 5) cv::transpose(picture, picture);
  constexpr int kKeep = 2;
  constexpr int kFlips[] = {kKeep, kKeep, 1, -1, 0, kKeep, 1, -1, 0};
  if (const int axis = kFlips[orientation]; axis != kKeep) cv::flip(picture, picture, axis);
  return picture;
}

std::string Jpeg(const cv::Mat& picture) {
  std::vector<uchar> bytes;
  cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_QUALITY, kQuality});
  return {bytes.begin(), bytes.end()};
}

// pHash: which of the 64 lowest frequencies, none of them constant along a side, lie above their median. Brightness and
// what scaling and compression take away stand in the others. Rounded, so that a picture without structure has none.
uint64_t PerceptualHash(const cv::Mat& picture) {
  cv::Mat grey, frequencies;
  cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
  cv::resize(grey, grey, {32, 32}, 0, 0, cv::INTER_AREA);
  grey.convertTo(grey, CV_32F);
  cv::dct(grey, frequencies);
  std::vector<int> low;
  for (int row = 1; row <= 8; ++row)
    for (int column = 1; column <= 8; ++column) low.push_back(cvRound(frequencies.at<float>(row, column)));
  std::vector<int> sorted = low;
  std::nth_element(sorted.begin(), sorted.begin() + 32, sorted.end());
  uint64_t hash = 0;
  for (const int frequency : low) hash = hash << 1 | (frequency > sorted[32] ? 1 : 0);
  return hash;
}

}  // namespace

bool WarmUp() {
  const cv::Mat ours(kMinSide, kThumbnailSide + 1, CV_8UC3, cv::Scalar::all(0));
  for (const char* extension : {".jpg", ".png", ".webp"}) {
    std::vector<uchar> file;
    cv::imencode(extension, ours, file);
    const auto made = MakePicture({reinterpret_cast<const char*>(file.data()), file.size()});
    if (!std::holds_alternative<Picture>(made)) return false;
  }
  return true;
}

std::variant<Picture, Refused> MakePicture(std::string_view file) {
  const auto structure = ReadStructure(Sniff(file), file);
  if (const auto* refused = std::get_if<Refused>(&structure)) return *refused;
  const auto& [width, height, exif] = std::get<Structure>(structure);
  cv::setNumThreads(1);
  const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8U, const_cast<char*>(file.data()));
  cv::Mat picture = cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  if (picture.cols != width || picture.rows != height) return Refused::kBroken;

  const ExifFacts facts = ReadExif(exif);
  picture = Upright(Within(picture, kLongerSide), facts.orientation);
  return Picture{.photo_jpeg = Jpeg(picture),
                 .thumbnail_jpeg = Jpeg(Within(picture, kThumbnailSide)),
                 .width = picture.cols,
                 .height = picture.rows,
                 .perceptual_hash = PerceptualHash(picture),
                 .taken_at_place = facts.place,
                 .taken_at = facts.taken_at};
}

}  // namespace civicmesh::media
