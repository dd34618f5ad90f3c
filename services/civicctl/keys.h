// civicctl keys and civicctl token: a signing key for development and the tokens it signs. A production installation
// takes its tokens from the city's identity provider instead.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/civicctl/command.h"

namespace civicmesh::civicctl {

// keys --out DIR writes DIR/signing-key.pem (readable by its owner alone) and DIR/jwks.json, which the services take as
// --jwks. A key that is there is kept.
Command KeysCommand();

// token --keys DIR --subject X prints one token.
Command TokenCommand();

// What deploy/up gives its services.
inline constexpr char kDevelopmentIssuer[] = "https://id.civicmesh.test";
inline constexpr char kDevelopmentAudience[] = "civicmesh";

// As whom this tool calls: the roster gives it the post OPERATOR.
inline constexpr char kToolSubject[] = "civicctl";

struct TokenOrder {
  std::string subject;
  // For services that take development tokens: what the subject may, in place of what the roster says. Names of
  // options.v1.Role without "ROLE_".
  std::vector<std::string> roles;
  std::string unit;  // of these
  double hours = 8;
  std::string issuer = kDevelopmentIssuer;
  std::string audience = kDevelopmentAudience;
};

// Mints tokens by the key in `folder`. For the other commands too.
absl::StatusOr<std::string> MintToken(const std::string& folder, const TokenOrder& order);

}  // namespace civicmesh::civicctl
