#include "services/runtime/base/secrets.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace civicmesh {
namespace {

std::string FromEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  for (char part[4096]; file.read(part, sizeof part) || file.gcount() > 0;) text.append(part, file.gcount());
  if (!file.eof()) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  return text;
}

}  // namespace

absl::StatusOr<std::string> SecretFromEnvironment(const std::string& name) {
  const std::string in_file = name + "_FILE", path = FromEnvironment(in_file);
  std::string value = FromEnvironment(name);
  if (path.empty()) return value;
  if (!value.empty()) return absl::InvalidArgumentError(absl::StrCat("set ", name, " or ", in_file, ", not both"));
  auto text = ReadWhole(path);
  if (!text.ok()) return absl::InvalidArgumentError(absl::StrCat(in_file, ": ", text.status().message()));
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) return absl::InvalidArgumentError(absl::StrCat(in_file, ": ", path, " is empty"));
  return text;
}

absl::StatusOr<std::map<std::string, std::string>> ReadSettings(const std::string& path) {
  auto text = ReadWhole(path);
  if (!text.ok()) return text.status();
  std::map<std::string, std::string> settings;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    const std::string name(absl::StripAsciiWhitespace(line.substr(0, equals)));
    if (equals == absl::string_view::npos || name.empty())
      return absl::InvalidArgumentError(absl::StrCat(path, ", line ", number, ": not as name=value"));
    if (!settings.emplace(name, std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)))).second)
      return absl::InvalidArgumentError(absl::StrCat(path, ", line ", number, ": ", name, " stands there twice"));
  }
  return settings;
}

}  // namespace civicmesh
