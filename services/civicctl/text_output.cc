#include "services/civicctl/text_output.h"

#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <cwchar>
#include <iostream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/runtime/base/clock.h"

namespace civicmesh::civicctl {
namespace {

constexpr int kBarWidth = 30;
constexpr int64_t kRedrawMs = 100;

bool IsNumber(const std::string& cell) {
  return !cell.empty() && std::all_of(cell.begin(), cell.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '%' || c == '/';
  });
}

std::string Padded(const std::string& cell, int width, bool right) {
  const std::string blanks(std::max(0, width - DisplayWidth(cell)), ' ');
  return right ? blanks + cell : cell + blanks;
}

}  // namespace

int DisplayWidth(std::string_view text) {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = uselocale(utf8);
  int width = 0;
  std::mbstate_t state{};
  while (!text.empty()) {
    wchar_t character = 0;
    const size_t bytes = std::mbrtowc(&character, text.data(), text.size(), &state);
    const bool readable = bytes > 0 && bytes <= text.size();
    if (!readable) state = {};
    width += readable ? std::max(0, wcwidth(character)) : 1;
    text.remove_prefix(readable ? bytes : 1);
  }
  uselocale(before);
  return width;
}

void Table::Print(std::ostream& out) const {
  const size_t columns = rows_.front().size();
  std::vector<int> widths(columns, 0);
  std::vector<bool> right(columns, rows_.size() > 1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      widths[c] = std::max(widths[c], DisplayWidth(rows_[r][c]));
      if (r > 0 && !IsNumber(rows_[r][c])) right[c] = false;
    }
  }
  for (const auto& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns; ++c)
      absl::StrAppend(&line, c == 0 ? "" : "  ", Padded(row[c], widths[c], right[c]));
    out << absl::StripTrailingAsciiWhitespace(line) << "\n";
  }
}

Progress::Progress(std::string what, int64_t total)
    : what_(std::move(what)), total_(total), visible_(isatty(STDERR_FILENO) != 0) {
  Add(0);
}

Progress::~Progress() {
  if (visible_) std::cerr << "\r\033[K" << std::flush;
}

void Progress::Add(int64_t done) {
  done_ += done;
  if (!visible_) return;
  const int64_t now = Clock::Real()->steady_ms();
  if (drawn_ms_ != 0 && now - drawn_ms_ < kRedrawMs && done_ < total_) return;
  drawn_ms_ = now;
  const int full = total_ <= 0 ? 0 : static_cast<int>(std::min<int64_t>(kBarWidth, done_ * kBarWidth / total_));
  std::cerr << "\r\033[K" << what_ << " [" << std::string(full, '#') << std::string(kBarWidth - full, '.') << "] "
            << done_ << " / " << total_ << std::flush;
}

std::string TimeText(int64_t ms) {
  if (ms <= 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMillis(ms), absl::FixedTimeZone(8 * 3600));
}

}  // namespace civicmesh::civicctl
