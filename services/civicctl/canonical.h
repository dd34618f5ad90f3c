// One spelling of a message: protobuf may write the same maps in any order, so bytes alone do not tell whether two are
// the same. Pure functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace google::protobuf {
class Descriptor;
class Message;
}  // namespace google::protobuf

namespace civicmesh::civicctl {

// A generated message of this type, empty.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor* type);

std::string CanonicalBytes(const google::protobuf::Message& message);

// SHA-256 of a public event: its type's full name, what it is about, and its bytes in canonical order; as they are
// where this program does not know the type or they do not parse.
std::string FactHash(const std::string& type, std::string_view subject, std::string_view bytes);

}  // namespace civicmesh::civicctl
