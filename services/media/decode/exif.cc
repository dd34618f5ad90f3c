#include "services/media/decode/exif.h"

#include <libexif/exif-data.h>

#include <cmath>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace civicmesh::media {
namespace {

using std::string_literals::operator""s;

struct Unref {
  void operator()(ExifData* data) const { exif_data_unref(data); }
};
using Data = std::unique_ptr<ExifData, Unref>;

Data Load(std::string_view block) {
  Data data(exif_data_new());
  const std::string marked = "Exif\0\0"s.append(block);
  exif_data_load_data(data.get(), reinterpret_cast<const unsigned char*>(marked.data()),
                      static_cast<unsigned>(marked.size()));
  return data;
}

// Null where the entry is not of the form that its standard gives it.
const ExifEntry* Entry(const Data& data, ExifIfd ifd, int tag, ExifFormat format, unsigned long components) {
  const ExifEntry* entry = exif_content_get_entry(data->ifd[ifd], static_cast<ExifTag>(tag));
  if (entry == nullptr || entry->data == nullptr || entry->format != format) return nullptr;
  if (components != 0 && entry->components != components) return nullptr;
  return entry->size >= entry->components * exif_format_get_size(format) ? entry : nullptr;
}

std::string Text(const Data& data, ExifIfd ifd, int tag) {
  const ExifEntry* entry = Entry(data, ifd, tag, EXIF_FORMAT_ASCII, 0);
  if (entry == nullptr) return "";
  const std::string all(reinterpret_cast<const char*>(entry->data), entry->size);
  return all.substr(0, all.find('\0'));
}

// Degrees, minutes, seconds. NaN where one of them is missing; that, or no number of degrees, also where a camera
// divides by 0.
double Angle(const Data& data, int tag) {
  const ExifEntry* entry = Entry(data, EXIF_IFD_GPS, tag, EXIF_FORMAT_RATIONAL, 3);
  if (entry == nullptr) return NAN;
  double degrees = 0;
  double unit = 1;
  for (int i = 0; i < 3; ++i, unit *= 60) {
    const ExifRational part = exif_get_rational(entry->data + 8 * i, exif_data_get_byte_order(data.get()));
    degrees += static_cast<double>(part.numerator) / part.denominator / unit;
  }
  return degrees;
}

double Signed(double angle, const std::string& side, const char* positive, const char* negative) {
  if (side == positive) return angle;
  return side == negative ? -angle : NAN;
}

std::optional<Picture::Place> PlaceIn(const Data& data) {
  const double latitude =
      Signed(Angle(data, EXIF_TAG_GPS_LATITUDE), Text(data, EXIF_IFD_GPS, EXIF_TAG_GPS_LATITUDE_REF), "N", "S");
  const double longitude =
      Signed(Angle(data, EXIF_TAG_GPS_LONGITUDE), Text(data, EXIF_IFD_GPS, EXIF_TAG_GPS_LONGITUDE_REF), "E", "W");
  if (!(std::abs(latitude) <= 90 && std::abs(longitude) <= 180)) return std::nullopt;
  // What a camera says that has no idea.
  if (latitude == 0 && longitude == 0) return std::nullopt;
  return Picture::Place{latitude, longitude};
}

std::optional<absl::CivilSecond> TakenAt(const Data& data) {
  const std::string text = Text(data, EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL);
  absl::Time time;
  std::string error;
  if (text.size() != 19 || !absl::ParseTime("%Y:%m:%d %H:%M:%S", text, absl::UTCTimeZone(), &time, &error))
    return std::nullopt;
  return absl::ToCivilSecond(time, absl::UTCTimeZone());
}

int Orientation(const Data& data) {
  const ExifEntry* entry = Entry(data, EXIF_IFD_0, EXIF_TAG_ORIENTATION, EXIF_FORMAT_SHORT, 1);
  if (entry == nullptr) return 1;
  const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

}  // namespace

ExifFacts ReadExif(std::string_view block) {
  if (block.empty()) return {};
  const Data data = Load(block);
  return {.orientation = Orientation(data), .place = PlaceIn(data), .taken_at = TakenAt(data)};
}

}  // namespace civicmesh::media
