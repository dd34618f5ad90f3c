// Pictures through the real program: what comes of them, and what is refused for what it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <set>

#include "services/media/decode/decode.h"
#include "services/media/decode/uploads_for_tests.h"

namespace civicmesh::media {
namespace {

using std::string_literals::operator""s;

using Result = std::variant<Picture, Refused>;

Result Decode(const std::string& file, std::string_view type) {
  const auto decoded = DecodePicture({.program = CIVICMESH_DECODE}, file, type);
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return *decoded;
}

Picture Decoded(const std::string& file, std::string_view type) {
  const Result result = Decode(file, type);
  if (const auto* refused = std::get_if<Refused>(&result)) {
    ADD_FAILURE() << Name(*refused);
    return {};
  }
  return std::get<Picture>(result);
}

cv::Mat Pixels(const std::string& jpeg) {
  return cv::imdecode(std::vector<uchar>(jpeg.begin(), jpeg.end()), cv::IMREAD_COLOR);
}

MATCHER_P(IsRefusedAs, reason, "") {
  const auto* refused = std::get_if<Refused>(&arg);
  *result_listener << (refused ? Name(*refused) : "a picture");
  return refused != nullptr && *refused == reason;
}

// Every segment's marker up to the first scan.
std::set<int> Markers(const std::string& jpeg) {
  std::set<int> markers;
  for (size_t at = 2; at + 4 < jpeg.size();) {
    const int marker = static_cast<uint8_t>(jpeg[at + 1]);
    markers.insert(marker);
    if (marker == 0xDA) break;
    at += 2 + (static_cast<uint8_t>(jpeg[at + 2]) << 8 | static_cast<uint8_t>(jpeg[at + 3]));
  }
  return markers;
}

TEST(PictureTest, EachFormatBecomesAPhotoAndItsThumbnail) {
  const cv::Mat scene = Scene(3000, 1500, 1);
  for (const auto& [extension, type] :
       {std::pair{".jpg", "image/jpeg"}, {".png", "image/png"}, {".webp", "image/webp"}}) {
    SCOPED_TRACE(type);
    const Picture picture = Decoded(Encoded(scene, extension), type);
    EXPECT_EQ(picture.width, 2048);
    EXPECT_EQ(picture.height, 1024);
    const cv::Mat photo = Pixels(picture.photo_jpeg), thumbnail = Pixels(picture.thumbnail_jpeg);
    EXPECT_EQ(photo.size(), cv::Size(2048, 1024));
    EXPECT_EQ(thumbnail.size(), cv::Size(320, 160));
    cv::Mat expected;
    cv::resize(scene, expected, photo.size(), 0, 0, cv::INTER_AREA);
    EXPECT_LT(cv::norm(photo, expected, cv::NORM_L1) / static_cast<double>(photo.total() * 3), 6);
    EXPECT_EQ(picture.taken_at_place, std::nullopt);
    EXPECT_EQ(picture.taken_at, std::nullopt);
  }
}

TEST(PictureTest, ASmallPictureKeepsItsSize) {
  const Picture picture = Decoded(Encoded(Scene(100, 64, 1), ".png"), "image/png");
  EXPECT_EQ(Pixels(picture.photo_jpeg).size(), cv::Size(100, 64));
  EXPECT_EQ(Pixels(picture.thumbnail_jpeg).size(), cv::Size(100, 64));
  EXPECT_EQ(Pixels(Decoded(Encoded(Scene(12000, 64, 1), ".jpg"), "image/jpeg").thumbnail_jpeg).size(),
            cv::Size(320, 2));
}

TEST(PictureTest, OtherKindsOfPixels) {
  cv::Mat grey, deep, clear;
  cv::cvtColor(Scene(200, 100, 1), grey, cv::COLOR_BGR2GRAY);
  Scene(200, 100, 1).convertTo(deep, CV_16UC3, 256);
  cv::cvtColor(Scene(200, 100, 1), clear, cv::COLOR_BGR2BGRA);
  for (const cv::Mat& pixels : {grey, deep, clear})
    EXPECT_EQ(Pixels(Decoded(Encoded(pixels, ".png"), "image/png").photo_jpeg).size(), cv::Size(200, 100));
}

TEST(PictureTest, NothingOfTheFileButItsPixelsIsKept) {
  const std::string bare = Encoded(Scene(400, 300, 2), ".jpg");
  const std::string zip = "PK\x03\x04 secret-archive";
  const std::string file =
      WithSegments(bare, JpegSegment(0xE1, "Exif\0\0"s + ExifBlock({.taken_at = "2026:11:20 08:30:00"})) +
                             JpegSegment(0xE1, "http://ns.adobe.com/xap/1.0/\0secret-xmp"s) +
                             JpegSegment(0xE2, "ICC_PROFILE\0\1\1secret-profile"s) +
                             JpegSegment(0xED, "Photoshop 3.0\0secret-iptc"s) + JpegSegment(0xFE, "secret-comment")) +
      zip;
  ASSERT_TRUE(Markers(file).contains(0xFE));
  const Picture picture = Decoded(file, "image/jpeg");
  for (const std::string& made : {picture.photo_jpeg, picture.thumbnail_jpeg}) {
    EXPECT_EQ(made.find("secret"), made.npos);
    EXPECT_EQ(made.find("PK\x03\x04"), made.npos);
    EXPECT_TRUE(made.ends_with("\xFF\xD9"));
    // JFIF's, tables, a frame, restarts, a scan.
    for (const int marker : Markers(made))
      EXPECT_TRUE((std::set{0xE0, 0xDB, 0xC4, 0xC0, 0xDD, 0xDA}.contains(marker))) << std::hex << marker;
  }
}

// Four colours, one a corner.
cv::Mat Corners() {
  cv::Mat corners(80, 120, CV_8UC3, cv::Scalar(255, 255, 255));
  corners(cv::Rect(0, 0, 60, 40)).setTo(cv::Scalar(0, 0, 255));
  corners(cv::Rect(60, 0, 60, 40)).setTo(cv::Scalar(0, 255, 0));
  corners(cv::Rect(0, 40, 60, 40)).setTo(cv::Scalar(255, 0, 0));
  return corners;
}

// Its corners by rows: r, g, b, w.
std::string CornersOf(const std::string& jpeg) {
  const cv::Mat pixels = Pixels(jpeg);
  std::string corners;
  for (const int row : {10, pixels.rows - 10})
    for (const int column : {10, pixels.cols - 10}) {
      const auto& colour = pixels.at<cv::Vec3b>(row, column);
      corners += colour[0] > 128 && colour[1] > 128 ? 'w' : colour[0] > 128 ? 'b' : colour[1] > 128 ? 'g' : 'r';
    }
  return corners;
}

TEST(PictureTest, StandsUpright) {
  const std::string jpeg = Encoded(Corners(), ".jpg"), png = Encoded(Corners(), ".png"),
                    webp = Encoded(Corners(), ".webp");
  // EXIF 2.3, orientation: which corner of the scene the first row and column are.
  const char* const upright[] = {"rgbw", "rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb", "rgbw"};
  for (int orientation = 1; orientation <= 9; ++orientation) {
    SCOPED_TRACE(orientation);
    const std::string block = ExifBlock({.orientation = orientation});
    const Picture picture = Decoded(JpegWithExif(jpeg, block), "image/jpeg");
    EXPECT_EQ(CornersOf(picture.photo_jpeg), upright[orientation]);
    EXPECT_EQ(CornersOf(picture.thumbnail_jpeg), upright[orientation]);
    EXPECT_EQ(picture.width, orientation >= 5 && orientation <= 8 ? 80 : 120);
  }
  const std::string turned = ExifBlock({.orientation = 6});
  EXPECT_EQ(CornersOf(Decoded(PngWithExif(png, turned), "image/png").photo_jpeg), upright[6]);
  EXPECT_EQ(CornersOf(Decoded(WebpWithExif(webp, 120, 80, turned), "image/webp").photo_jpeg), upright[6]);
}

TEST(PictureTest, SaysWhereAndWhenItWasTaken) {
  const std::string block = ExifBlock({.latitude_ref = "N",
                                       .longitude_ref = "E",
                                       .latitude = {39, 1, 54, 1, 2736, 100},
                                       .longitude = {116, 1, 23, 1, 5088, 100},
                                       .taken_at = "2026:11:20 08:30:15"});
  const cv::Mat scene = Scene(120, 80, 3);
  for (const Picture& picture :
       {Decoded(JpegWithExif(Encoded(scene, ".jpg"), block), "image/jpeg"),
        Decoded(PngWithExif(Encoded(scene, ".png"), block), "image/png"),
        Decoded(WebpWithExif(Encoded(scene, ".webp"), 120, 80, block), "image/webp"),
        Decoded(WebpWithExif(Encoded(scene, ".webp"), 120, 80, "Exif\0\0"s + block), "image/webp")}) {
    ASSERT_TRUE(picture.taken_at_place);
    EXPECT_NEAR(picture.taken_at_place->latitude, 39.9076, 1e-6);
    EXPECT_NEAR(picture.taken_at_place->longitude, 116.397467, 1e-6);
    EXPECT_EQ(picture.taken_at, absl::CivilSecond(2026, 11, 20, 8, 30, 15));
  }
}

TEST(PictureTest, AWrongNoteOfTheCameraIsLeftOut) {
  const std::string jpeg = Encoded(Scene(120, 80, 3), ".jpg");
  const ExifFields good{
      .latitude_ref = "S", .longitude_ref = "W", .latitude = {10, 1, 30, 1, 0, 1}, .longitude = {20, 1, 15, 1, 0, 1}};
  const auto taken = [&](const ExifFields& fields) {
    return Decoded(JpegWithExif(jpeg, ExifBlock(fields)), "image/jpeg");
  };
  ASSERT_TRUE(taken(good).taken_at_place);
  EXPECT_DOUBLE_EQ(taken(good).taken_at_place->latitude, -10.5);
  EXPECT_DOUBLE_EQ(taken(good).taken_at_place->longitude, -20.25);
  EXPECT_EQ(taken(good).taken_at, std::nullopt) << "what is missing is made up";

  std::vector<ExifFields> wrong(8, good);
  wrong[0].latitude = {90, 1, 0, 1, 1, 1};
  wrong[1].longitude = {4294967295, 1, 0, 1, 0, 1};
  wrong[2].latitude = {10, 0, 30, 0, 0, 0};
  wrong[3].latitude = wrong[3].longitude = {0, 1, 0, 1, 0, 1};
  wrong[4].latitude_ref = "X";
  wrong[5].longitude = {};
  wrong[6].latitude = {10, 1};
  wrong[7].latitude = {0, 0, 0, 0, 0, 0};
  for (const ExifFields& fields : wrong)
    EXPECT_EQ(taken(fields).taken_at_place, std::nullopt) << &fields - wrong.data();

  for (const char* const text : {"0000:00:00 00:00:00", "2026:02:30 08:00:00", "    :  :     :  :  ", "2026-11-20"})
    EXPECT_EQ(taken({.taken_at = text}).taken_at, std::nullopt) << text;
}

TEST(PictureTest, IsNotWhatItIsDeclaredAs) {
  const std::string jpeg = Encoded(Scene(100, 100, 1), ".jpg"), png = Encoded(Scene(100, 100, 1), ".png");
  EXPECT_THAT(Decode(png, "image/jpeg"), IsRefusedAs(Refused::kDeclaredOtherwise));
  EXPECT_THAT(Decode(jpeg, "image/heic"), IsRefusedAs(Refused::kDeclaredOtherwise));
  EXPECT_THAT(Decode(jpeg, ""), IsRefusedAs(Refused::kDeclaredOtherwise));
  EXPECT_EQ(Decoded(jpeg, " IMAGE/JPEG ; x=y").width, 100);
}

TEST(PictureTest, IsNoPictureThatWeTake) {
  const std::string others[] = {
      "",
      "\xFF",
      "<svg xmlns='http://www.w3.org/2000/svg'/>",
      "<!DOCTYPE html><script>alert(1)</script>",
      "GIF89a\1\0\1\0"s,
      "\0\0\0\x18"
      "ftypheic\0\0\0\0mif1heic"s,
      "\0\0\0\x18"
      "ftypavif\0\0\0\0mif1avif"s,
      "II*\0\x08\0\0\0"s,
      "%PDF-1.7",
      Encoded(Scene(100, 100, 1), ".bmp"),
      Encoded(Scene(100, 100, 1), ".tiff"),
      Ffmpeg("-f lavfi -i sine=d=0.2", ".wav"),
      "PK\x03\x04" + Encoded(Scene(100, 100, 1), ".jpg"),
  };
  for (const std::string& other : others)
    EXPECT_THAT(Decode(other, "image/jpeg"), IsRefusedAs(Refused::kNotAPicture)) << other.substr(0, 16);
  // A film, for one that moves is not what a clerk looks at.
  const std::string film = Ffmpeg("-f lavfi -i testsrc=s=96x96:r=5:d=1 -c:v libwebp_anim", ".webp");
  ASSERT_NE(film.find("ANIM"), film.npos);
  EXPECT_THAT(Decode(film, "image/webp"), IsRefusedAs(Refused::kNotAPicture));
}

TEST(PictureTest, HasASizeThatIsTaken) {
  EXPECT_THAT(Decode(Encoded(Scene(63, 100, 1), ".jpg"), "image/jpeg"), IsRefusedAs(Refused::kTooSmall));
  EXPECT_THAT(Decode(Encoded(Scene(100, 63, 1), ".webp"), "image/webp"), IsRefusedAs(Refused::kTooSmall));
  EXPECT_THAT(Decode(Encoded(Scene(12001, 64, 1), ".png"), "image/png"), IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(Encoded(cv::Mat(5001, 10000, CV_8UC1, cv::Scalar(9)), ".png"), "image/png"),
              IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(Encoded(Scene(100, 100, 1), ".png") + std::string(65 << 20, 'x'), "image/png"),
              IsRefusedAs(Refused::kTooLarge));
}

TEST(PictureTest, TheSamePictureHashesAlike) {
  for (int seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    const cv::Mat scene = Scene(1600, 1200, seed);
    const auto hash = [](const cv::Mat& pixels, const std::vector<int>& parameters = {}) {
      return Decoded(Encoded(pixels, ".jpg", parameters), "image/jpeg").perceptual_hash;
    };
    const uint64_t original = hash(scene);
    cv::Mat smaller, brighter;
    cv::resize(scene, smaller, {640, 480}, 0, 0, cv::INTER_LINEAR);
    scene.convertTo(brighter, -1, 1.05, 12);
    EXPECT_LE(HashDistance(original, hash(smaller)), 8);
    EXPECT_LE(HashDistance(original, hash(scene, {cv::IMWRITE_JPEG_QUALITY, 30})), 8);
    EXPECT_LE(HashDistance(original, hash(brighter)), 8);
    for (int other = seed + 1; other <= 6; ++other)
      EXPECT_GT(HashDistance(original, hash(Scene(1600, 1200, other))), 20) << other;
  }
}

TEST(PictureTest, WhatHasNoStructureHashesAlike) {
  for (const int shade : {0, 100, 255})
    EXPECT_EQ(Decoded(Encoded(cv::Mat(100, 100, CV_8UC3, cv::Scalar::all(shade)), ".png"), "image/png").perceptual_hash,
              0u);
}

}  // namespace
}  // namespace civicmesh::media
