// What organisers write is public: its length is bounded, and numbers that look personal are kept out. Pure functions.
#pragma once

#include <string_view>

namespace civicmesh::volunteering {

// `text` is UTF-8 of so many characters, blanks at both ends not counted.
bool HasLength(std::string_view text, int at_least, int at_most);

// True where `text` holds what identifies a person (runtime/personal/personal_numbers.h), or anything that may: an at
// sign, or seven digits without a gap. Dates, times and amounts are none. Stricter than for what staff write, since it
// is public at once.
bool MayNamePerson(std::string_view text);

}  // namespace civicmesh::volunteering
