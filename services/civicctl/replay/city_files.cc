#include "services/civicctl/replay/city_files.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/civicctl/files.h"
#include "services/civicctl/published_standard.h"

namespace civicmesh::civicctl {
namespace {

absl::Status ReadMessage(const std::string& path, google::protobuf::Message* to) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  const auto parsed = google::protobuf::util::JsonStringToMessage(*text, to);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", parsed.message().as_string()));
}

}  // namespace

absl::StatusOr<CityFiles> ReadCityFiles(const std::string& folder, const std::string& standard_csv) {
  CityFiles files;
  const std::pair<const char*, google::protobuf::Message*> kinds[] = {{"district.json", &files.district},
                                                                      {"roster.json", &files.roster},
                                                                      {"standard.json", &files.standard},
                                                                      {"calendar-2026.json", &files.calendar},
                                                                      {"catalogue.json", &files.catalogue}};
  for (auto [name, to] : kinds)
    if (auto status = ReadMessage(absl::StrCat(folder, "/", name), to); !status.ok()) return status;
  auto mapping = ReadFile(folder + "/mapping.json");
  if (!mapping.ok()) return mapping.status();
  files.mapping = *std::move(mapping);
  if (standard_csv.empty()) return files;
  auto adopted = AdoptStandard(standard_csv, files.mapping, files.standard);
  if (!adopted.ok()) return adopted.status();
  files.standard = std::move(adopted->standard);
  files.codes = std::move(adopted->codes);
  return files;
}

}  // namespace civicmesh::civicctl
