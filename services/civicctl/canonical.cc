#include "services/civicctl/canonical.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>

#include "services/runtime/base/ids.h"

namespace civicmesh::civicctl {
namespace pb = google::protobuf;

std::unique_ptr<pb::Message> NewMessage(const pb::Descriptor* type) {
  return std::unique_ptr<pb::Message>(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

std::string CanonicalBytes(const pb::Message& message) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::string FactHash(const std::string& type, std::string_view subject, std::string_view bytes) {
  std::string canonical(bytes);
  if (const auto* descriptor = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(type)) {
    auto message = NewMessage(descriptor);
    if (message->ParseFromString(canonical)) canonical = CanonicalBytes(*message);
  }
  std::string all = type;
  all.append("\n").append(subject).append("\n").append(canonical);
  return Sha256(all);
}

}  // namespace civicmesh::civicctl
