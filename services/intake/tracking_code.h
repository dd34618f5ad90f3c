// The code with which an anonymous reporter reads, adds and withdraws: "k3f7-02mz-9qpa-x5te", 80 bits.
//
// It follows from the key and the request_id, so that a retry of the submission gets the same one; only its hash is
// stored. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace civicmesh::intake {

class CityKey;

std::string MakeTrackingCode(const CityKey& key, std::string_view request_id);

// 32 bytes; of the code in whatever case and grouping it was typed. Empty where there is no code.
std::string HashOfTrackingCode(std::string_view code);

}  // namespace civicmesh::intake
