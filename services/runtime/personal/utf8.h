// Characters of a UTF-8 text, for what has to look at it one by one. Pure functions.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace civicmesh {

struct Character {
  char32_t code = 0;  // full-width Latin letters, digits and signs as their ASCII forms; U+FFFD for bytes that are none
  size_t begin = 0;   // bytes [begin, end) of the text
  size_t end = 0;
};

std::vector<Character> Characters(std::string_view text);

// How many characters; what is not UTF-8 counts one a byte.
size_t CountCharacters(std::string_view text);

// Without white space at both ends, the ideographic space included.
std::string_view Trim(std::string_view text);

}  // namespace civicmesh
