// The reference data of a district as contents to publish (R10): from a folder as deploy/sample, its standard from
// there or from a published table.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace civicmesh::civicctl {

struct Content {
  std::string kind;  // as "standard"
  std::string version;
  std::string bytes;             // the reference.v1 message
  std::string sha256;            // of them, 32 bytes
  std::string about;             // what it holds, for people
  bool holds_when_read = false;  // needs no activation: of its kind the last one published holds
};

struct ContentSources {
  std::string folder;    // standard.json, calendar-2026.json, district.json, points_rules.json, catalogue.json;
                         // notices.json where the district has words of its own
  std::string standard;  // a published table in place of standard.json (published_standard.h); empty: none
  std::string mapping;   // empty: mapping.json of the folder
};

struct Contents {
  std::vector<Content> all;
  // What of a published standard was done and could not be used, a line each.
  std::vector<std::string> notes;
};

// Every kind that domains read. INVALID_ARGUMENT or NOT_FOUND: names the file and what is wrong with it, also where a
// domain's own parser refuses the content: published, it would keep that domain's shards waiting.
absl::StatusOr<Contents> ReadContents(const ContentSources& sources);

// What every service reads and none activates: a roster.json (people/roster.h), and the list of tokens that are good no
// more (people/revocations.h), and agencies' own quotas (people/agency_quotas.h). INVALID_ARGUMENT or NOT_FOUND: as
// above.
absl::StatusOr<Content> ReadRoster(const std::string& path);
absl::StatusOr<Content> ReadRevocations(const std::string& path);
absl::StatusOr<Content> ReadAgencyQuotas(const std::string& path);

}  // namespace civicmesh::civicctl
