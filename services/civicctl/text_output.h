// What commands print for people: tables whose columns line up, Chinese included, and a bar for what takes long.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace civicmesh::civicctl {

// How many columns of a terminal `text` (UTF-8) takes: Chinese characters take two.
int DisplayWidth(std::string_view text);

// Columns are as wide as their widest cell; those that hold only numbers line up on the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  // As many cells as the header has.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// A line on standard error that is drawn over, where that is a terminal; nothing otherwise. One thread.
class Progress {
 public:
  Progress(std::string what, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;

  void Add(int64_t done);

 private:
  const std::string what_;
  const int64_t total_;
  int64_t done_ = 0;
  int64_t drawn_ms_ = 0;
  const bool visible_;
};

// "2026-09-30 16:30:00", in Asia/Shanghai, of milliseconds since 1970; "-" for none (0 and below).
std::string TimeText(int64_t ms);

}  // namespace civicmesh::civicctl
