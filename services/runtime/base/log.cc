#include "services/runtime/base/log.h"

#include <unistd.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "services/runtime/base/clock.h"

namespace civicmesh {
namespace {

using Json = nlohmann::ordered_json;

std::mutex& ServiceMutex() {
  static std::mutex mutex;
  return mutex;
}

std::string& Service() {
  static auto* service = new std::string;  // logging may outlive every destructor
  return *service;
}

const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "INFO";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
  }
  return "";
}

Json Object(Severity severity, std::string_view event, std::initializer_list<LogField> fields) {
  Json line;
  line["severity"] = NameOf(severity);
  {
    std::lock_guard lock(ServiceMutex());
    if (!Service().empty()) line["service"] = Service();
  }
  line["event"] = event;
  for (const LogField& field : fields)
    std::visit([&](const auto& value) { line[std::string(field.key)] = value; }, field.value);
  return line;
}

// Bytes that are not UTF-8 are replaced: a log line must never throw.
std::string Dump(const Json& line) { return line.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

void SetLogService(std::string_view service) {
  std::lock_guard lock(ServiceMutex());
  Service() = service;
}

std::string LogLine(Severity severity, std::string_view event, std::initializer_list<LogField> fields) {
  return Dump(Object(severity, event, fields));
}

void Log(Severity severity, std::string_view event, std::initializer_list<LogField> fields) {
  Json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", Clock::Real()->wall(), absl::UTCTimeZone());
  line.update(Object(severity, event, fields));
  const std::string text = Dump(line) + "\n";
  // One write per line keeps lines of several threads apart; a full pipe loses the line rather than a request.
  (void)!write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace civicmesh
