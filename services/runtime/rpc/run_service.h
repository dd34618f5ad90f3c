// A service's main: over Kafka and Redis, until SIGTERM.
//
//   int main(int argc, char** argv) { return civicmesh::RunService(argc, argv, {.domain = "dispatch", …}); }
//
// Flags; the environment gives their defaults, as CIVICMESH_KAFKA for --kafka:
//
//   --listen=unix:/run/dispatch.sock    where gRPC listens; only Envoy may reach it
//   --kafka=host:port,…  --redis=unix:/run/redis.sock,host:port,…  --shards=8
//   --kafka_security_file=…  --redis_login_file=…          as whom (kafka_security.h, redis_login.h)
//   --clock=real                        driven: business time comes with the calls; never in production
//   --jwks=/etc/keys.json  --issuer=…  --audience=…        whose tokens are good
//   --jwks=https://id.city.example/jwks.json  --jwks_every=5m  --jwks_good_for=24h
//   --jwks_kept_in=/var/lib/…/jwks.json  --jwks_authorities=…      the same from the issuer (issuer_keys.h)
//   --agency_quota=3000                 calls a minute of an agency, of each replica (people/agency_quotas.h)
//   --body_key=…  --person_key=…        for the HMAC of request bodies, the same in every replica, and of persons'
//   tokens,
//                                       the same in every service; give them by environment or in files
//                                       (CIVICMESH_PERSON_KEY or CIVICMESH_PERSON_KEY_FILE, base/secrets.h)
//   CIVICMESH_MEDIA_TICKET_KEYS and others              where there is an object store (objects/attachments.h)
//   --max_in_flight=2000  --max_per_actor=64  --reply_wait=5s  --reflection=false
#pragma once

#include "services/runtime/rpc/service_spec.h"

namespace civicmesh {

// Checks the topics (waiting while Kafka is away), serves, and on SIGTERM or SIGINT drains: no new calls, answers what
// is in flight, comes to rest, leaves the group, ends the process with 0, in a few seconds at most. Returns only where
// it refuses to start (1), and has said why on standard error. Ends the process with 70 where a thread is stuck.
int RunService(int argc, char** argv, ServiceSpec spec);

}  // namespace civicmesh
