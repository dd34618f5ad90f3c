// What organisers write is public: its length is bounded, and numbers that look personal are kept out. Pure functions.
#pragma once

#include <string_view>

namespace civicmesh::volunteering {

// `text` is UTF-8 of so many characters, blanks at both ends not counted.
bool HasLength(std::string_view text, int at_least, int at_most);

// True where `text` holds an e-mail address or what may be a telephone, identity or card number: seven digits without a
// gap, or a mobile number in groups. Dates, times and amounts are none.
bool HoldsPersonalNumber(std::string_view text);

}  // namespace civicmesh::volunteering
