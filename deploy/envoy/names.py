"""Names that several parts of the configuration use."""

TYPE = "type.googleapis.com/envoy"
HTTP = f"{TYPE}.extensions.filters.http"
CORS = "envoy.filters.http.cors"
LUA = "envoy.filters.http.lua"
JWT = "envoy.filters.http.jwt_authn"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
# Content types that gRPC and gRPC-Web begin with, as a regular expression.
GRPC = "application/grpc(-web(-text)?)?"
# Where a route says of which kind its calls are (limits.RATES).
OURS, KIND = "civicmesh", "kind"
# Under which the filter for tokens leaves what a good one claims.
CLAIMS = "claims"
# The cluster of whoever signs tokens.
ISSUER = "issuer"
# A cluster without anybody in it.
NOBODY = "nobody"
