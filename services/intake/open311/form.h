// A form as city apps send it: application/x-www-form-urlencoded, in UTF-8. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace civicmesh::intake::open311 {

// Names and values in the order in which they came; a name may come several times.
using Form = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kMaxFields = 200;

// Nullopt: a "%" without two hexadecimal digits, what is no UTF-8, a NUL, or more than kMaxFields fields.
std::optional<Form> DecodeForm(std::string_view body);

// Whether a Content-Type says that a body is such a form.
bool IsForm(std::string_view content_type);

// The first value of that name that is not empty: an empty one counts as none (specification, "Optional Arguments").
std::string ValueOf(const Form& form, std::string_view name);

}  // namespace civicmesh::intake::open311
