// Personal numbers in what staff write: they must not reach the log (DESIGN, personal data), so a text that holds one
// is refused and written again.
#pragma once

#include <string_view>

namespace civicmesh::dispatch {

// True where `text` (UTF-8) seems to hold a mobile phone number, an identity card number, a bank card number, a plate
// or an e-mail address; full-width digits count, blanks and hyphens within a number do not hide it. Fixed lines and
// service numbers are no personal numbers (offices are named by them), nor are case numbers and grid codes. A pure
// function.
bool HoldsPersonalNumber(std::string_view text);

}  // namespace civicmesh::dispatch
