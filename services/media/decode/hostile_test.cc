// Files made to harm, and a decoder that runs away: always an answer, within the limit, and nothing left behind.
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <opencv2/imgcodecs.hpp>
#include <random>

#include "services/media/decode/decode.h"
#include "services/media/decode/exif.h"
#include "services/media/decode/structure.h"
#include "services/media/decode/uploads_for_tests.h"

namespace civicmesh::media {
namespace {

using std::chrono::steady_clock;
using Result = std::variant<Picture, Refused>;

const DecoderOptions kOptions{.program = CIVICMESH_DECODE};

Result Decode(const std::string& file, std::string_view type, const DecoderOptions& options = kOptions) {
  const auto decoded = DecodePicture(options, file, type);
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return *decoded;
}

MATCHER_P(IsRefusedAs, reason, "") {
  const auto* refused = std::get_if<Refused>(&arg);
  *result_listener << (refused ? Name(*refused) : "a picture");
  return refused != nullptr && *refused == reason;
}
MATCHER(IsRefused, "") { return std::holds_alternative<Refused>(arg); }

// Kilobytes, of this process.
long Memory(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == what + ":") {
      long kilobytes = 0;
      status >> kilobytes;
      return kilobytes;
    }
  return 0;
}

size_t OpenDescriptors() {
  size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

std::string PngHeader(uint32_t width, uint32_t height) {
  return "\x89PNG\r\n\x1A\n" +
         PngChunk("IHDR", BigEndian(width, 4) + BigEndian(height, 4) + std::string("\x08\x02\0\0\0", 5));
}

std::string PngOf(uint32_t width, uint32_t height, const std::string& rows) {
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()), rows.size(),
            9);
  packed.resize(size);
  return PngHeader(width, height) + PngChunk("IDAT", packed) + PngChunk("IEND", "");
}

TEST(HostileTest, ASizeThatIsOnlyClaimedIsNeverDecoded) {
  EXPECT_THAT(Decode(PngOf(60000, 60000, "x"), "image/png"), IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(PngOf(0x7FFFFFFF, 0x7FFFFFFF, "x"), "image/png"), IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(PngHeader(60000, 60000), "image/png"), IsRefusedAs(Refused::kTooLarge));

  std::string jpeg = Encoded(Scene(100, 100, 1), ".jpg");
  const size_t frame = jpeg.find("\xFF\xC0");
  jpeg.replace(frame + 5, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_THAT(Decode(jpeg, "image/jpeg"), IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(jpeg.substr(0, frame + 20), "image/jpeg"), IsRefusedAs(Refused::kTooLarge));

  const std::string webp = Encoded(Scene(100, 100, 1), ".webp");
  EXPECT_THAT(Decode(WebpWithExif(webp, 1 << 24, 1 << 24, ""), "image/webp"), IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(WebpWithExif(webp, 9000, 5000, ""), "image/webp"), IsRefusedAs(Refused::kBroken));
}

TEST(HostileTest, AFileThatInflatesIsDecodedWithinTheLimitsAndElsewhere) {
  const std::string file = Encoded(cv::Mat(4000, 12000, CV_8UC3, cv::Scalar::all(0)), ".png");
  EXPECT_LT(file.size(), 1u << 20);
  std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM begins anew.
  const long before = Memory("VmHWM");
  EXPECT_TRUE(std::holds_alternative<Picture>(Decode(file, "image/png")));
  EXPECT_LT(Memory("VmHWM") - before, 16 << 10);

  // More rows than the picture has.
  EXPECT_THAT(Decode(PngOf(64, 64, std::string(200 << 20, '\0')), "image/png"),
              testing::Not(IsRefusedAs(Refused::kTooExpensive)));
}

TEST(HostileTest, ScansWithoutEndAreRefused) {
  const std::string jpeg = Encoded(Scene(128, 96, 1), ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  const size_t last = jpeg.rfind("\xFF\xDA");
  const std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  std::string many = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 3000; ++i) many += scan;
  EXPECT_THAT(Decode(many + "\xFF\xD9", "image/jpeg"), IsRefusedAs(Refused::kTooExpensive));
  EXPECT_TRUE(std::holds_alternative<Picture>(Decode(jpeg, "image/jpeg")));
}

struct Sample {
  std::string file, type;
};
std::vector<Sample> Samples() {
  const cv::Mat scene = Scene(64, 64, 1);
  const std::string block = ExifBlock({.orientation = 6, .latitude_ref = "N", .latitude = {1, 1, 2, 1, 3, 1}});
  return {{JpegWithExif(Encoded(scene, ".jpg"), block), "image/jpeg"},
          {Encoded(scene, ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1}), "image/jpeg"},
          {PngWithExif(Encoded(scene, ".png"), block), "image/png"},
          {WebpWithExif(Encoded(scene, ".webp"), 64, 64, block), "image/webp"}};
}

TEST(HostileTest, WhatIsCutOffAnywhereIsRefused) {
  for (const auto& [file, type] : Samples()) {
    ASSERT_TRUE(std::holds_alternative<Structure>(ReadStructure(Sniff(file), file)));
    for (size_t cut = 12; cut < file.size(); ++cut)
      ASSERT_THAT(ReadStructure(Sniff(file), std::string(file, 0, cut)), IsRefusedAs(Refused::kBroken)) << type << cut;
    for (size_t cut = 0; cut < file.size(); cut += file.size() / 12)
      EXPECT_THAT(Decode(file.substr(0, cut), type), IsRefused()) << type << cut;
  }
}

std::string Changed(std::string file, std::mt19937* random) {
  const int changes = 1 + static_cast<int>((*random)() % 8);
  for (int i = 0; i < changes; ++i) file[12 + (*random)() % (file.size() - 12)] = static_cast<char>((*random)());
  return file;
}

TEST(HostileTest, ChangedBytesHarmNobody) {
  const std::vector<Sample> samples = Samples();
  std::mt19937 random(20261129);
  for (int i = 0; i < 20000; ++i) {
    const std::string file = Changed(samples[i % samples.size()].file, &random);
    const auto structure = ReadStructure(Sniff(file), file);
    if (const auto* read = std::get_if<Structure>(&structure)) ReadExif(read->exif);
  }

  std::vector<Sample> changed;
  for (int i = 0; i < 100; ++i) {
    const Sample& sample = samples[i % samples.size()];
    changed.push_back({Changed(sample.file, &random), sample.type});
  }
  for (const auto& [file, type] : samples) {
    std::string noise = file.substr(0, 12);
    for (int i = 0; i < 5000; ++i) noise += static_cast<char>(random());
    changed.push_back({noise, type});
  }
  const auto decode_every_other = [&](size_t first) {
    int made = 0;
    for (size_t i = first; i < changed.size(); i += 2)
      made += std::holds_alternative<Picture>(Decode(changed[i].file, changed[i].type)) ? 1 : 0;
    return made;
  };
  auto odd = std::async(std::launch::async, decode_every_other, 1);
  const int made = decode_every_other(0) + odd.get();
  // Some changes show in pixels only, others break the file: otherwise the changes are no use.
  EXPECT_GT(made, 10);
  EXPECT_LT(made, 80);
}

#ifdef __SANITIZE_ADDRESS__
constexpr long kGrowth = 128 << 10;  // It holds back what was freed.
#else
constexpr long kGrowth = 4 << 10;
#endif

TEST(HostileTest, NothingIsLeftBehind) {
  const std::string jpeg = Encoded(Scene(1024, 768, 1), ".jpg");
  Decode(jpeg, "image/jpeg");
  const size_t descriptors = OpenDescriptors();
  const long memory = Memory("VmRSS");
  for (int i = 0; i < 20; ++i) Decode(i % 2 == 0 ? jpeg : jpeg.substr(0, 5000), "image/jpeg");
  EXPECT_EQ(OpenDescriptors(), descriptors);
  EXPECT_LT(Memory("VmRSS") - memory, kGrowth);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child was not reaped";
}

TEST(HostileTest, TheDecoderLimitsItself) {
  const std::string jpeg = Encoded(Scene(100, 100, 1), ".jpg");
  const std::string in = testing::TempDir() + "/in-" + std::to_string(getpid()), out = in + ".out";
  std::ofstream(in, std::ios::binary) << jpeg;
  const std::string command = std::string(CIVICMESH_DECODE) + " picture < " + in;
  EXPECT_EQ(std::system((command + " | grep -q parts").c_str()), 0);
  // It may write no file, whoever opened it.
  const int status = std::system(("exec " + command + " > " + out).c_str());
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << status;
  unlink(in.c_str());
  unlink(out.c_str());
}

class RunawayTest : public testing::Test {
 protected:
  // What comes of a picture whose decoder is this script, within three seconds.
  absl::StatusOr<Result> DecodedBy(const std::string& script, absl::Duration limit = absl::Seconds(30)) {
    const Script program(script);
    const auto start = steady_clock::now();
    const auto decoded = DecodePicture({.program = program.path(), .limit = limit}, jpeg_, "image/jpeg");
    EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(3));
    return decoded;
  }
  const std::string jpeg_ = Encoded(Scene(1000, 1000, 1), ".jpg");
  const std::string notes_ = testing::TempDir() + "/notes-" + std::to_string(getpid());
};

TEST_F(RunawayTest, IsKilledWithWhateverItStarted) {
  const std::string endless = "sleep 1000 & echo $! > " + notes_ + "; while :; do :; done";
  EXPECT_THAT(*DecodedBy(endless, absl::Milliseconds(500)), IsRefusedAs(Refused::kTooExpensive));
  int started = 0;
  std::ifstream(notes_) >> started;
  ASSERT_GT(started, 0);
  // Killed means that the kernel has taken it on; gone, or dead and waiting for init.
  const auto deadline = steady_clock::now() + std::chrono::seconds(5);
  std::string state;
  do {
    std::ifstream stat("/proc/" + std::to_string(started) + "/stat");
    std::string skipped;
    if (!(stat >> skipped >> skipped >> state)) state = "gone";
  } while (state != "gone" && state != "Z" && state != "X" && steady_clock::now() < deadline);
  EXPECT_THAT(state, testing::AnyOf("gone", "Z", "X"));
  unlink(notes_.c_str());
}

TEST_F(RunawayTest, DoesNotStallUs) {
  EXPECT_THAT(*DecodedBy("exec cat /dev/zero"), IsRefusedAs(Refused::kTooExpensive));
  EXPECT_THAT(*DecodedBy("exec >&-; exec sleep 1000", absl::Milliseconds(300)), IsRefusedAs(Refused::kTooExpensive));
  EXPECT_THAT(*DecodedBy("sleep 1000 & exit 1"), IsRefusedAs(Refused::kBroken));
  EXPECT_THAT(*DecodedBy("exit 0"), IsRefusedAs(Refused::kBroken));
  EXPECT_THAT(*DecodedBy("kill -SEGV $$"), IsRefusedAs(Refused::kBroken));
  EXPECT_THAT(*DecodedBy("kill -XCPU $$"), IsRefusedAs(Refused::kTooExpensive));
  EXPECT_THAT(Decode(jpeg_, "image/jpeg", {.program = CIVICMESH_DECODE, .limit = absl::Milliseconds(1)}),
              IsRefusedAs(Refused::kTooExpensive));
}

TEST_F(RunawayTest, AProgramThatDoesNotRunSaysNothingOfTheFile) {
  EXPECT_EQ(DecodePicture({.program = "/nowhere/civicmesh-decode"}, jpeg_, "image/jpeg").status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(DecodedBy("exit 127").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(RunawayTest, SeesTheFileAndNothingElseOfOurs) {
  setenv("CIVICMESH_SECRET", "of the service", 1);
  const int ours = dup(STDOUT_FILENO);
  const auto seen = [&](const std::string& command) {
    EXPECT_THAT(*DecodedBy("PATH=/bin; exec " + command + " > " + notes_), IsRefusedAs(Refused::kBroken));
    std::ifstream notes(notes_);
    std::string all{std::istreambuf_iterator<char>(notes), {}};
    unlink(notes_.c_str());
    return all;
  };
  EXPECT_EQ(seen("cat"), jpeg_);
  EXPECT_EQ(seen("ls /proc/self/fd"), "0\n1\n2\n3\n") << "3 is the folder that is listed";
  EXPECT_EQ(seen("env").find("SECRET"), std::string::npos);
  EXPECT_THAT(seen("env"), testing::HasSubstr("OPENCV_IO_MAX_IMAGE_PIXELS=50000000"));
  close(ours);
}

}  // namespace
}  // namespace civicmesh::media
