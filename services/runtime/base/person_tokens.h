// The pseudonym under which a person appears in every domain's events, instead of the subject of the person's tokens:
// the same person, the same token, "p-" and 16 characters (80 bits).
//
// It is keyed (HMAC-SHA-256), because subjects can be guessed: without the key nobody can try them out. The key is the
// installation's (--person_key), the same in all services. It is never changed: tokens are who owns an account or a
// record in events that are kept for ever, and another key would make everybody a stranger. Who has the key can tell
// whether a subject he knows is behind a token, no more (docs/adr/0007: why not a random token).
//
// A value; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace civicmesh {

class PersonTokens {
 public:
  // What an installation without a key of its own uses; protects nothing.
  static constexpr char kDevelopmentKey[] = "civicmesh-development";

  explicit PersonTokens(std::string key) : key_(std::move(key)) {}

  // Of nobody ("") nothing.
  std::string Of(std::string_view subject) const;

 private:
  std::string key_;
};

}  // namespace civicmesh
