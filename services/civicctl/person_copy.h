// civicctl copy: what the city has about one person (个人信息保护法 §45), with that person's own token, in a new folder
// (person_folder.h): intake's part, points, service records, and each photo and recording. What a reading may find is
// what the person finds; no post and no store's password helps.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "services/civicctl/command.h"
#include "services/civicctl/person_door.h"

namespace civicmesh::civicctl {

// What PersonDoor::Fetch does.
using FetchLink = std::function<absl::Status(const std::string& link,
                                             const std::function<absl::Status(std::string_view piece)>& take)>;

// All of it or nothing: where a page or a file fails that another attempt may bring, there is no folder. What no
// attempt brings is named in the index and in `out`.
absl::Status CopyPerson(PersonDoor& door, const FetchLink& fetch, const std::string& folder, std::ostream& out);

// copy FOLDER --door URL --token-file FILE.
Command CopyCommand();

}  // namespace civicmesh::civicctl
