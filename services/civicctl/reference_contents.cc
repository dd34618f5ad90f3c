#include "services/civicctl/reference_contents.h"

#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "civicmesh/reference/v1/notices.pb.h"
#include "civicmesh/reference/v1/quotas.pb.h"
#include "civicmesh/reference/v1/reference.pb.h"
#include "services/civicctl/canonical.h"
#include "services/civicctl/domains.h"
#include "services/civicctl/files.h"
#include "services/civicctl/published_standard.h"
#include "services/intake/domain/notice_words.h"
#include "services/runtime/base/ids.h"
#include "services/runtime/people/agency_quotas.h"
#include "services/runtime/people/revocations.h"
#include "services/runtime/people/roster.h"

namespace civicmesh::civicctl {
namespace {

namespace reference = civicmesh::reference::v1;

int ConditionsOf(const reference::Standard& standard) {
  int conditions = 0;
  for (const auto& c : standard.classes()) conditions += c.conditions_size();
  return conditions;
}

std::string About(const reference::Standard& s) {
  return absl::StrCat(s.classes_size(), " classes, ", ConditionsOf(s), " conditions");
}
std::string About(const reference::WorkCalendar& c) {
  return absl::StrCat(c.first_day(), " to ", c.last_day(), ", ", c.holidays_size(), " days off, ",
                      c.working_weekends_size(), " worked weekend days");
}
std::string About(const reference::District& d) {
  return absl::StrCat(d.name_zh(), ": ", d.grids_size(), " grids, ", d.units_size(), " units");
}
std::string About(const reference::Roster& r) { return absl::StrCat(r.members_size(), " members"); }
std::string About(const reference::Revocations& r) { return absl::StrCat(r.revocations_size(), " entries"); }
std::string About(const reference::AgencyQuotas& q) { return absl::StrCat(q.quotas_size(), " agencies"); }
std::string About(const reference::PointsRules& r) { return absl::StrCat(r.rules_size(), " earning rules"); }
std::string About(const reference::Catalogue& c) { return absl::StrCat(c.items_size(), " items"); }
std::string About(const reference::Notices& n) {
  const auto& quiet = n.quiet_hours();
  return absl::StrCat(
      n.templates_size(), " templates, ",
      n.has_quiet_hours() ? absl::StrCat("quiet ", quiet.from(), " to ", quiet.to()) : "no quiet hours");
}

template <typename T>
absl::StatusOr<T> ReadJson(const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  T message;
  const auto parsed = google::protobuf::util::JsonStringToMessage(*text, &message);
  if (!parsed.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", parsed.message().as_string()));
  if (message.version().empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": version is missing"));
  return message;
}

// What the domains that read this kind say of it.
absl::Status AskDomains(const Content& content, const std::string& from) {
  for (const Domain& domain : Domains()) {
    auto parser = domain.references.find(content.kind);
    if (parser == domain.references.end()) continue;
    const auto parsed = parser->second(content.bytes);
    if (!parsed.ok())
      return absl::InvalidArgumentError(
          absl::StrCat(from, ": ", domain.name, " refuses it: ", parsed.status().message()));
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status Add(const char* kind, const T& message, const std::string& from, Contents& contents) {
  // The same content has the same bytes, and so the same SHA-256, in every run.
  Content content{.kind = kind,
                  .version = message.version(),
                  .bytes = CanonicalBytes(message),
                  .sha256 = "",
                  .about = About(message),
                  .holds_when_read = false};
  content.sha256 = Sha256(content.bytes);
  if (auto asked = AskDomains(content, from); !asked.ok()) return asked;
  contents.all.push_back(std::move(content));
  return absl::OkStatus();
}

template <typename T>
absl::Status AddFile(const char* kind, const std::string& path, Contents& contents) {
  auto message = ReadJson<T>(path);
  return message.ok() ? Add(kind, *message, path, contents) : message.status();
}

template <typename T, typename Made>
absl::StatusOr<Content> ReadForAll(const char* kind, const std::string& path) {
  auto message = ReadJson<T>(path);
  if (!message.ok()) return message.status();
  if (auto made = Made::Make(*message); !made.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", made.status().message()));
  Contents contents;
  if (auto added = Add(kind, *message, path, contents); !added.ok()) return added;
  contents.all[0].holds_when_read = true;
  return std::move(contents.all[0]);
}

// A district need not have words of its own.
absl::Status AddNotices(const std::string& path, Contents& contents) {
  if (!std::filesystem::exists(path)) return absl::OkStatus();
  auto notices = ReadJson<reference::Notices>(path);
  if (!notices.ok()) return notices.status();
  if (auto complete = intake::CheckEveryKind(*notices); !complete.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", complete.message()));
  return Add("notices", *notices, path, contents);
}

absl::Status AddPublished(const ContentSources& sources, Contents& contents) {
  auto own = ReadJson<reference::Standard>(sources.folder + "/standard.json");
  if (!own.ok()) return own.status();
  auto mapping = ReadFile(sources.mapping.empty() ? sources.folder + "/mapping.json" : sources.mapping);
  if (!mapping.ok()) return mapping.status();
  auto adopted = AdoptStandard(sources.standard, *mapping, *own);
  if (!adopted.ok()) return adopted.status();
  contents.notes.push_back(absl::StrCat(adopted->published_classes, " classes and ", adopted->published_conditions,
                                        " conditions of ", sources.standard, "; of the district's ",
                                        own->classes_size(), " classes ", adopted->shared_classes, " are among them, ",
                                        adopted->kept_classes, " are kept beside them"));
  const std::string moved = absl::StrJoin(adopted->recoded, ", ", absl::PairFormatter("→"));
  if (!moved.empty()) contents.notes.push_back("moved to a free code: " + moved);
  for (const std::string& line : adopted->left_out) contents.notes.push_back("left out: " + line);
  return Add("standard", adopted->standard, sources.standard, contents);
}

}  // namespace

absl::StatusOr<Contents> ReadContents(const ContentSources& sources) {
  Contents contents;
  const std::string& folder = sources.folder;
  const std::function<absl::Status()> steps[] = {
      [&] {
        return sources.standard.empty() ? AddFile<reference::Standard>("standard", folder + "/standard.json", contents)
                                        : AddPublished(sources, contents);
      },
      [&] { return AddFile<reference::WorkCalendar>("calendar", folder + "/calendar-2026.json", contents); },
      [&] { return AddFile<reference::District>("district", folder + "/district.json", contents); },
      [&] { return AddFile<reference::PointsRules>("points_rules", folder + "/points_rules.json", contents); },
      [&] { return AddFile<reference::Catalogue>("catalogue", folder + "/catalogue.json", contents); },
      [&] { return AddNotices(folder + "/notices.json", contents); },
  };
  for (const auto& step : steps)
    if (auto done = step(); !done.ok()) return done;
  return contents;
}

absl::StatusOr<Content> ReadRoster(const std::string& path) {
  return ReadForAll<reference::Roster, Roster>(kRosterKind, path);
}

absl::StatusOr<Content> ReadRevocations(const std::string& path) {
  return ReadForAll<reference::Revocations, Revocations>(kRevocationsKind, path);
}

absl::StatusOr<Content> ReadAgencyQuotas(const std::string& path) {
  return ReadForAll<reference::AgencyQuotas, AgencyQuotas>(kAgencyQuotasKind, path);
}

}  // namespace civicmesh::civicctl
