#include "services/intake/open311/document.h"

#include <map>
#include <sstream>

#include "nlohmann/json.hpp"
#include "pugixml.hpp"

namespace civicmesh::intake::open311 {
namespace {

using Json = nlohmann::ordered_json;

// What the elements of a list are called.
const char* ElementOf(std::string_view list) {
  static const std::map<std::string_view, const char*> kNames{
      {"services", "service"},   {"attributes", "attribute"},     {"values", "value"}, {"formats", "format"},
      {"endpoints", "endpoint"}, {"service_requests", "request"}, {"errors", "error"}};
  return kNames.at(list);
}

// Without what XML 1.0 has no way to write: control characters, U+FFFE and U+FFFF.
std::string ForXml(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r') continue;
    if (const std::string_view three = std::string_view(text).substr(i, 3);
        three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
      i += 2;
      continue;
    }
    out.push_back(text[i]);
  }
  return out;
}

void Write(pugi::xml_node into, const char* name, const Json& content) {
  pugi::xml_node node = into.append_child(name);
  if (content.is_object()) {
    for (const auto& [key, value] : content.items()) Write(node, key.c_str(), value);
  } else if (content.is_array()) {
    for (const auto& value : content) Write(node, ElementOf(name), value);
  } else if (!content.is_null()) {
    node.text().set((content.is_string() ? ForXml(content.get<std::string>()) : content.dump()).c_str());
  }
}

}  // namespace

std::optional<Format> SplitFormat(std::string_view file, std::string* name) {
  for (const auto& [ending, format] : {std::pair{std::string_view(".xml"), Format::kXml}, {".json", Format::kJson}}) {
    if (!file.ends_with(ending)) continue;
    *name = file.substr(0, file.size() - ending.size());
    return format;
  }
  *name = file;
  return std::nullopt;
}

const char* ContentType(Format format) {
  return format == Format::kXml ? "text/xml; charset=utf-8" : "application/json; charset=utf-8";
}

std::string Render(Format format, const char* root, const Json& content) {
  if (format == Format::kJson) return content.dump(-1, ' ', false, Json::error_handler_t::replace);
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "utf-8";
  Write(document, root, content);
  std::ostringstream out;
  document.save(out, "", pugi::format_raw, pugi::encoding_utf8);
  return out.str();
}

}  // namespace civicmesh::intake::open311
