// What whoever reported is told (告知), in Chinese and English: the district's templates (reference.v1.Notices), or
// ours while it has published none. Immutable, so thread-safe.
//
//   auto words = NoticeWords::Make(notices);
//   words->Say(notice).zh;   // "已派遣至责任单位，处置时限至 2026-11-18 14:00（4工作时）。"
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "civicmesh/intake/v1/intake_journal.pb.h"
#include "civicmesh/reference/v1/notices.pb.h"
#include "services/intake/domain/quiet_hours.h"

namespace civicmesh::intake {

constexpr char kNotices[] = "notices";

// The same in both languages.
struct NoticeText {
  std::string zh, en;
};

class NoticeWords {
 public:
  // INVALID_ARGUMENT: a kind twice, a language missing, a placeholder that is none or stands where it may have nothing
  // to say, quiet hours that are none. The message names the place. A kind without words has ours: what a district
  // published before there was that kind must be read for ever.
  static absl::StatusOr<NoticeWords> Make(const reference::v1::Notices& notices);
  // The words of this release: no quiet hours.
  static const NoticeWords& BuiltIn();

  NoticeText Say(const v1::NoticeState& notice) const;
  // Until when a notice of this kind waits before anybody is disturbed with it; nullopt: it does not.
  std::optional<int64_t> NotBefore(v1::NoticeKind kind, int64_t now_ms) const;

 private:
  // A stretch of a template: words, and after them what a placeholder stands for. Those of one pair of brackets have
  // the same number above 0 and are told together or not at all.
  struct Part {
    std::string words;
    std::string placeholder;  // "due"; empty where none follows
    int bracket = 0;
  };
  using Parts = std::vector<Part>;
  struct Template {
    Parts zh, en;
    bool urgent = false;
  };

  static absl::StatusOr<Parts> Parse(const std::string& text, v1::NoticeKind kind);
  absl::Status AddTemplate(const reference::v1::NoticeTemplate& given);
  std::string Value(const std::string& placeholder, const v1::NoticeState& notice, bool zh) const;
  std::string Fill(const Parts& parts, const v1::NoticeState& notice, bool zh) const;

  std::map<v1::NoticeKind, Template> templates_;
  std::map<std::string, NoticeText> decline_words_;  // by the name of the ground, as DUPLICATE
  std::optional<QuietHours> quiet_;
};

// INVALID_ARGUMENT: a kind has no words. Asked before notices are published.
absl::Status CheckEveryKind(const reference::v1::Notices& notices);

// What BuiltIn is made of.
reference::v1::Notices BuiltInNotices();

}  // namespace civicmesh::intake
