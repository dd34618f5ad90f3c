// Voices through the real program: what comes of them, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "services/media/decode/decode.h"
#include "services/media/decode/uploads_for_tests.h"

namespace civicmesh::media {
namespace {

using std::string_literals::operator""s;

using Result = std::variant<Voice, Refused>;

constexpr char kTone[] = "-f lavfi -i sine=frequency=440:duration=";

Result Decode(const std::string& file, std::string_view type) {
  const auto decoded = DecodeVoice({.program = CIVICMESH_DECODE}, file, type);
  EXPECT_TRUE(decoded.ok()) << decoded.status();
  return *decoded;
}

Voice Decoded(const std::string& file, std::string_view type) {
  const Result result = Decode(file, type);
  if (const auto* refused = std::get_if<Refused>(&result)) {
    ADD_FAILURE() << Name(*refused);
    return {};
  }
  return std::get<Voice>(result);
}

MATCHER_P(IsRefusedAs, reason, "") {
  const auto* refused = std::get_if<Refused>(&arg);
  *result_listener << (refused ? Name(*refused) : "a voice");
  return refused != nullptr && *refused == reason;
}

double Seconds(const Voice& voice) { return absl::ToDoubleSeconds(voice.length); }

// No encoder of Debian's makes any: frames of 20 ms.
std::string Amr(int frames) {
  std::string amr = "#!AMR\n";
  for (int i = 0; i < frames; ++i) amr += '\x3C' + std::string(31, static_cast<char>(i));
  return amr;
}

TEST(VoiceTest, EachFormatBecomesOpus) {
  const std::string tone = kTone + "2 "s;
  const std::pair<std::string, std::string> files[] = {
      {Ffmpeg(tone, ".wav"), "audio/wav"},
      {Ffmpeg(tone + "-c:a pcm_mulaw -ar 8000", ".wav"), "audio/x-wav"},
      {Ffmpeg(tone + "-ac 2", ".mp3"), "audio/mpeg"},
      {Ffmpeg(tone + "-id3v2_version 0 -write_xing 0", ".mp3"), "audio/mp3"},
      {Ffmpeg(tone, ".m4a"), "audio/mp4"},
      {Ffmpeg(tone + "-movflags +faststart", ".m4a"), "audio/x-m4a"},
      {Ffmpeg(tone + "-c:a aac -f 3gp", ".3gp"), "audio/3gpp"},
      {Amr(100), "audio/amr"},
      {Ffmpeg(tone + "-c:a libopus", ".ogg"), "audio/ogg"},
      {Ffmpeg(tone + "-c:a libvorbis", ".ogg"), "audio/ogg"},
      {Ffmpeg(tone + "-c:a libopus", ".webm"), "audio/webm; codecs=opus"}};
  for (const auto& [file, type] : files) {
    SCOPED_TRACE(type + " " + file.substr(0, 12));
    const Voice voice = Decoded(file, type);
    EXPECT_NEAR(Seconds(voice), 2, 0.1);
    EXPECT_EQ(Ffprobe(voice.ogg_opus, "-show_entries stream=codec_name,channels -of csv=p=0"), "opus,1\n");
    EXPECT_LT(voice.ogg_opus.size(), 20000u);
  }
}

TEST(VoiceTest, IsHeardAsItWas) {
  const Voice voice = Decoded(Ffmpeg(kTone + "2"s, ".m4a"), "audio/mp4");
  const std::string samples = Ffmpeg(voice.ogg_opus, "-i INPUT -f s16le -ar 16000", ".raw");
  EXPECT_NEAR(static_cast<double>(samples.size()), 2 * 2 * 16000, 2000);
  int crossings = 0;
  for (size_t at = 3; at < samples.size(); at += 2) crossings += (samples[at] < 0) != (samples[at - 2] < 0) ? 1 : 0;
  EXPECT_NEAR(crossings, 2 * 2 * 440, 40);
}

TEST(VoiceTest, NothingOfTheFileButItsSoundIsKept) {
  const std::string file = Ffmpeg(
      kTone + "1 -metadata title=secret-title -metadata comment=secret -metadata location=+39.9+116.3/"s, ".m4a");
  ASSERT_NE(file.find("secret-title"), file.npos);
  const Voice voice = Decoded(file + "PK\x03\x04 secret", "audio/mp4");
  EXPECT_EQ(voice.ogg_opus.find("secret"), std::string::npos);
  EXPECT_EQ(Ffprobe(voice.ogg_opus, "-show_entries stream_tags:format_tags -of csv=p=0").find('='), std::string::npos);
  EXPECT_EQ(voice.ogg_opus.find("Lavf5"), std::string::npos);
}

TEST(VoiceTest, ItsLengthIsMeasured) {
  // A header that claims an hour.
  std::string wav = Ffmpeg(kTone + "2 -c:a pcm_s16le -ar 8000 -bitexact"s, ".wav");
  wav.replace(wav.find("data") + 4, 4, LittleEndian(8000 * 2 * 3600, 4));
  EXPECT_NEAR(Seconds(Decoded(wav, "audio/wav")), 2, 0.1);
  // Times that leap over four minutes after half of it.
  const std::string leap = kTone + "2 -af asetnsamples=480,asetpts='PTS+gt(T\\,1)*240/TB' "s;
  const std::string webm = Ffmpeg(leap + "-c:a libopus", ".webm");
  EXPECT_GT(std::stod(Ffprobe(webm, "-show_entries format=duration -of csv=p=0")), 200);
  EXPECT_NEAR(Seconds(Decoded(webm, "audio/webm")), 2, 0.1);
}

TEST(VoiceTest, HasALengthThatIsTaken) {
  const std::string quick = " -ar 8000 -c:a pcm_u8";
  EXPECT_NEAR(Seconds(Decoded(Ffmpeg(kTone + "299.9"s + quick, ".wav"), "audio/wav")), 299.9, 0.1);
  EXPECT_THAT(Decode(Ffmpeg(kTone + "300.5"s + quick, ".wav"), "audio/wav"), IsRefusedAs(Refused::kTooLarge));
  EXPECT_THAT(Decode(Ffmpeg(kTone + "0.2"s, ".wav"), "audio/wav"), IsRefusedAs(Refused::kTooSmall));
  EXPECT_NEAR(Seconds(Decoded(Ffmpeg(kTone + "0.4"s, ".wav"), "audio/wav")), 0.4, 0.05);
}

TEST(VoiceTest, IsNotAFilmNorWithoutSound) {
  const std::string film = "-f lavfi -i testsrc=s=96x96:d=1 ", both = film + kTone + "1 ";
  EXPECT_THAT(Decode(Ffmpeg(both + "-c:v mpeg4 -c:a aac", ".mp4"), "audio/mp4"), IsRefusedAs(Refused::kNotAVoice));
  EXPECT_THAT(Decode(Ffmpeg(both + "-c:v libx264 -c:a aac", ".mp4"), "audio/mp4"), IsRefusedAs(Refused::kNotAVoice));
  EXPECT_THAT(Decode(Ffmpeg(film + "-c:v libx264", ".mp4"), "audio/mp4"), IsRefusedAs(Refused::kNotAVoice));
  EXPECT_THAT(Decode(Ffmpeg(both + "-c:v libvpx -c:a libopus", ".webm"), "audio/webm"),
              IsRefusedAs(Refused::kNotAVoice));
  EXPECT_THAT(Decode(Ffmpeg(both + "-c:v libtheora -c:a libvorbis", ".ogg"), "audio/ogg"),
              IsRefusedAs(Refused::kNotAVoice));
}

TEST(VoiceTest, IsWhatItSays) {
  const std::string wav = Ffmpeg(kTone + "1"s, ".wav"), jpeg = Encoded(Scene(100, 100, 1), ".jpg");
  EXPECT_THAT(Decode(wav, "audio/mpeg"), IsRefusedAs(Refused::kDeclaredOtherwise));
  EXPECT_THAT(Decode(wav, "image/jpeg"), IsRefusedAs(Refused::kDeclaredOtherwise));
  for (const std::string& other : {jpeg, std::string(), "<html>"s, "#EXTM3U\nfile:///etc/passwd"s,
                                   "ffconcat version 1.0\nfile /etc/passwd"s, Ffmpeg(kTone + "1"s, ".flac"),
                                   "\0\0\0\x18"
                                   "ftypheic\0\0\0\0mif1heic"s})
    EXPECT_THAT(Decode(other, "audio/wav"), IsRefusedAs(Refused::kNotAVoice)) << other.substr(0, 10);
  // Sound of a kind that no phone records.
  EXPECT_THAT(Decode(Ffmpeg(kTone + "1 -c:a adpcm_ms"s, ".wav"), "audio/wav"), IsRefusedAs(Refused::kNotAVoice));
}

TEST(VoiceTest, InPiecesItIsRefusedOrWhatIsLeftIsTaken) {
  const std::string m4a = Ffmpeg(kTone + "2"s, ".m4a"), mp3 = Ffmpeg(kTone + "2"s, ".mp3");
  EXPECT_THAT(Decode(m4a.substr(0, m4a.size() / 2), "audio/mp4"), IsRefusedAs(Refused::kBroken));
  EXPECT_NEAR(Seconds(Decoded(mp3.substr(0, mp3.size() / 2), "audio/mpeg")), 1, 0.2);
  EXPECT_NEAR(Seconds(Decoded(Amr(50) + "\x3C\x01", "audio/amr")), 1, 0.05);

  std::mt19937 random(20261129);
  std::string noise;
  for (int i = 0; i < 20000; ++i) noise += static_cast<char>(random());
  for (const auto& [head, type] : {std::pair{"OggS\0\2"s, "audio/ogg"},
                                   {"\x1A\x45\xDF\xA3"s, "audio/webm"},
                                   {"\0\0\0\x18"
                                    "ftypM4A \0\0\0\0"s,
                                    "audio/mp4"},
                                   {"RIFF\0\0\0\0WAVE"s, "audio/wav"}})
    EXPECT_THAT(Decode(head + noise, type), IsRefusedAs(Refused::kBroken)) << type;
  for (int i = 0; i < 20; ++i) {
    std::string changed = m4a;
    for (int j = 0; j < 30; ++j) changed[12 + random() % (changed.size() - 12)] = static_cast<char>(random());
    Decode(changed, "audio/mp4");
  }
}

}  // namespace
}  // namespace civicmesh::media
