// The log of a process: one line of JSON per event on standard error.
//
//   Log(Severity::kWarning, "takeover failed", {{"shard", shard}, {"why", status.ToString()}});
//
// Never a token, a key, a personal datum or free text of a citizen's (I13): only ids, counts, reasons and our own
// words. Thread-safe; a line is written whole. Blocks only as long as standard error does.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace civicmesh {

enum class Severity { kInfo, kWarning, kError };

// A field's value; strings are shortened to 500 bytes.
using LogValue = std::variant<int64_t, double, bool, std::string>;
struct LogField {
  LogField(std::string_view k, int v) : key(k), value(int64_t{v}) {}
  LogField(std::string_view k, int64_t v) : key(k), value(v) {}
  LogField(std::string_view k, uint64_t v) : key(k), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v.substr(0, 500))) {}
  LogField(std::string_view k, const std::string& v) : LogField(k, std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : LogField(k, std::string_view(v)) {}

  std::string_view key;
  LogValue value;
};

// Writes {"time":…,"severity":…,"service":…,"event":…, fields…}.
void Log(Severity severity, std::string_view event, std::initializer_list<LogField> fields = {});

// The name that stands in every line from now on; set once at start-up.
void SetLogService(std::string_view service);

// The line that Log writes, without time and line break. For tests.
std::string LogLine(Severity severity, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace civicmesh
