"""The configuration of Envoy, the only way in: what is not listed here is 404, what is listed needs a token unless its
proto says that anybody may call.

Everything about an RPC comes from its proto: an HTTP route per binding of google.api.http (transcoded to gRPC), a native
gRPC route per method, and from civicmesh.options.v1.access whether a call without a token passes. A token that is sent must
be good in any case. Which posts may call is the services' to say; they verify the token once more.

ControlService is served by every service. Over HTTP the path names the one asked (/v1/control/dispatch/…); native gRPC
calls name it in the header x-civicmesh-service.
"""
import dataclasses
import re

# A service answers within its --reply_wait (5 s), even if only "unknown": the door waits a little longer than that.
TIMEOUT = "8s"
MAX_BODY_BYTES = 1 << 20
MAX_ANSWER_BYTES = 4 << 20
# One segment of a resource name. Without the colon, so that a verb is never taken for a part of the name.
SEGMENT = "[^/:]+"

TYPE = "type.googleapis.com/envoy"
HTTP = f"{TYPE}.extensions.filters.http"
JWT = "envoy.filters.http.jwt_authn"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the parts of one installation are."""

    port: int  # 0: any free one
    sockets: dict  # a service's name -> the path of its socket
    admin: str  # the path of the socket of Envoy's own administration
    descriptors: str  # the path of the descriptor set
    access_log: str
    jwks: str
    issuer: str
    audience: str


def make_config(protos, place):
    """The whole configuration, as a dict for JSON. Raises ProtoError."""
    return {
        "admin": {"address": {"pipe": {"path": place.admin, "mode": 0o600}}},
        "static_resources": {
            "listeners": [_listener(protos, place)],
            "clusters": [_cluster(name, place.sockets[name]) for name in protos.services],
        },
        "overload_manager": {"resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": f"{TYPE}.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": 2000}}]},
    }


def _listener(protos, place):
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "door",
        "codec_type": "AUTO",
        # Nobody is internal: x-envoy-* of a client is never believed.
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False},
        "server_name": "civicmesh",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": "60s", "max_headers_count": 64, "headers_with_underscores_action": "REJECT_REQUEST"},
        "http2_protocol_options": {"max_concurrent_streams": 512, "initial_stream_window_size": 65536,
                                   "initial_connection_window_size": 1048576},
        "max_request_headers_kb": 16,
        "request_headers_timeout": "5s",
        "request_timeout": "15s",
        "stream_idle_timeout": "60s",
        "local_reply_config": _local_replies(protos.reasons()),
        "route_config": {"name": "door", "virtual_hosts": [
            {"name": "door", "domains": ["*"], "routes": _routes(protos)}]},
        "http_filters": [_sanitise(), _authenticate(place), _limit_bodies(), _transcode(protos, place),
                         {"name": "envoy.filters.http.router",
                          "typed_config": {"@type": f"{HTTP}.router.v3.Router", "suppress_envoy_headers": True}}],
        "access_log": [_access_log(place)],
    }
    return {
        "name": "door",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": place.port}},
        "per_connection_buffer_limit_bytes": 32768,
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }


def _cluster(name, socket):
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": 32768,
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}},
        "circuit_breakers": {"thresholds": [{"max_pending_requests": 1024, "max_requests": 4096, "max_retries": 64}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"pipe": {"path": socket}}}}]}]},
    }


# Routes.

def _routes(protos):
    routes = []
    for service in protos.services:
        for rpc in protos.rpcs(service):
            routes += [_http_route(rpc, binding, binding.template, service) for binding in rpc.bindings]
            routes.append(_grpc_route(rpc, service))
        for rpc in protos.control_rpcs():
            routes += [_http_route(rpc, binding, binding.template.replace("{service}", service), service)
                       for binding in rpc.bindings]
            routes.append(_grpc_route(rpc, service, [_header("x-civicmesh-service", exact=service)]))
    routes.append({
        "name": "nowhere",
        "match": {"prefix": "/"},
        "direct_response": {"status": 404, "body": {"inline_string": "no such path"}},
        "typed_per_filter_config": {
            JWT: {"@type": f"{HTTP}.jwt_authn.v3.PerRouteConfig", "disabled": True},
            TRANSCODER: {"@type": f"{TYPE}.config.route.v3.FilterConfig", "disabled": True}},
    })
    return routes


def _http_route(rpc, binding, template, service):
    path = path_regex(template)
    match = {"safe_regex": {"regex": path}} if path else {"path": template}
    return _route(rpc, {**match, "headers": [_header(":method", exact=binding.method)]}, service)


def _grpc_route(rpc, service, headers=()):
    return _route(rpc, {"path": rpc.path, "headers": [_header("content-type", regex=r"application/grpc(\+proto)?"), *headers]},
                  service)


def _route(rpc, match, service):
    return {
        "name": f"{service}: {rpc.service.rsplit('.', 1)[1]}/{rpc.name}",
        "match": match,
        "route": {
            "cluster": service,
            "timeout": "0s" if rpc.streams else TIMEOUT,
            # Only where certainly nothing reached the service.
            "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 2},
        },
        "typed_per_filter_config": {JWT: {"@type": f"{HTTP}.jwt_authn.v3.PerRouteConfig",
                                          "requirement_name": "token_or_none" if rpc.anonymous else "token"}},
    }


def _header(name, exact=None, regex=None):
    how = {"exact": exact} if exact is not None else {"safe_regex": {"regex": regex}}
    return {"name": name, "string_match": how}


def path_regex(template):
    """The paths of an HTTP template, as "/v1/{name=cases/*}:accept", as a regular expression; "" for one without
    variables."""
    variable = re.compile(r"\{[\w.]+(?:=([^}]*))?\}")
    if not variable.search(template):
        return ""
    expanded = variable.sub(lambda found: found[1] or "*", template)
    if "**" in expanded:
        raise ValueError(f"{template}: the door knows no **")
    return SEGMENT.join(re.escape(part) for part in expanded.split("*"))


# Filters.

def _sanitise():
    """Headers by which only we speak: what a token said, and what the path was before it was transcoded."""
    return {"name": "envoy.filters.http.header_mutation", "typed_config": {
        "@type": f"{HTTP}.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [
            {"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in ("x-jwt-", "x-envoy-original-")]}}}


def _authenticate(place):
    provider = {
        "issuer": place.issuer,
        "audiences": [place.audience],
        "require_expiration": True,
        "clock_skew_seconds": 5,
        "forward": True,  # the services verify it again and read the posts from it
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "local_jwks": {"filename": place.jwks},
    }
    token = {"provider_name": "city"}
    return {"name": JWT, "typed_config": {
        "@type": f"{HTTP}.jwt_authn.v3.JwtAuthentication",
        "providers": {"city": provider},
        # A route without a word of its own needs a token: the filter's own default is to let it pass.
        "rules": [{"match": {"prefix": "/"}, "requires": token}],
        "requirement_map": {
            "token": token,
            "token_or_none": {"requires_any": {"requirements": [token, {"allow_missing": {}}]}}}}}


def _limit_bodies():
    """Counts what comes: the transcoder's own bound holds only for what it cannot parse on the way."""
    return {"name": "envoy.filters.http.body_size_limit", "typed_config": {
        "@type": f"{HTTP}.body_size_limit.v3.BodySizeLimit", "max_request_bytes": MAX_BODY_BYTES}}


def _transcode(protos, place):
    rpcs = [rpc for service in protos.services for rpc in protos.rpcs(service)] + protos.control_rpcs()
    return {"name": TRANSCODER, "typed_config": {
        "@type": f"{HTTP}.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": place.descriptors,
        "services": sorted({rpc.service for rpc in rpcs}),
        "convert_grpc_status": True,
        # The route stays the one of the HTTP path, with its cluster and its token rule.
        "match_incoming_request_route": True,
        # The names of the proto: the same word in protos, sample files and answers. Both spellings are read.
        "print_options": {"always_print_primitive_fields": True, "preserve_proto_field_names": True,
                          "stream_newline_delimited": True},
        # Without these an unknown path would reach the service and come back as 200.
        "request_validation_options": {"reject_unknown_method": True, "reject_unknown_query_parameters": True,
                                       "reject_binding_body_field_collisions": True},
        "query_param_unescape_plus": True,
        "url_unescape_spec": "ALL_CHARACTERS_EXCEPT_SLASH",
        "max_request_body_size": MAX_BODY_BYTES,
        "max_response_body_size": MAX_ANSWER_BYTES}}


def _access_log(place):
    """Names the route and not the path, which may name a person's things."""
    return {"name": "envoy.access_loggers.file", "typed_config": {
        "@type": f"{TYPE}.extensions.access_loggers.file.v3.FileAccessLog",
        "path": place.access_log,
        "log_format": {"json_format": {
            "time": "%START_TIME%", "route": "%ROUTE_NAME%", "method": "%REQ(:METHOD)%", "status": "%RESPONSE_CODE%",
            "grpc_status": "%GRPC_STATUS%", "flags": "%RESPONSE_FLAGS%", "ms": "%DURATION%",
            "received": "%BYTES_RECEIVED%", "sent": "%BYTES_SENT%", "request_id": "%REQ(X-REQUEST-ID)%"}}}}


# What the door itself answers reads as what a service answers: google.rpc.Status with ErrorInfo.

# By HTTP status: the runtime's reason for it, and whether Envoy's own words help the caller.
LOCAL_REPLIES = [
    (400, "REASON_INVALID_ARGUMENT", True),
    (401, "REASON_UNAUTHENTICATED", True),
    (403, "REASON_UNAUTHENTICATED", True),  # a token for somebody else: 401 as from a service
    (404, "REASON_NOT_FOUND", True),
    (408, "REASON_INVALID_ARGUMENT", True),
    (413, "REASON_TOO_LARGE", False),
    (429, "REASON_OVERLOADED", False),
    (431, "REASON_TOO_LARGE", False),
    (502, "REASON_UNKNOWN_OUTCOME", False),
    (503, "REASON_UNKNOWN_OUTCOME", False),
    (504, "REASON_UNKNOWN_OUTCOME", False),
]


def _local_replies(reasons):
    mappers = [_mapper("EQ", status, reason, reasons[reason], words) for status, reason, words in LOCAL_REPLIES]
    mappers.append(_mapper("GE", 400, "REASON_INTERNAL", reasons["REASON_INTERNAL"], False))
    return {"mappers": mappers}


def _mapper(compare, status, reason, text, words):
    status_is = {"status_code_filter": {"comparison": {
        "op": compare, "value": {"default_value": status, "runtime_key": f"door.local_reply_{status}"}}}}
    mapper = {
        "filter": {"and_filter": {"filters": [status_is, _not_native_grpc()]}},
        "body_format_override": {"content_type": "application/json", "json_format": {
            "code": text.code,
            "message": text.en + (": %LOCAL_REPLY_BODY%" if words else ""),
            "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "runtime", "metadata": {}},
                {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "zh-CN", "message": text.zh},
                {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en", "message": text.en},
            ]}}}
    if status == 403:
        mapper["status_code"] = 401
    return mapper


def _not_native_grpc():
    """A gRPC client gets the status in trailers and no JSON. A transcoded request looks like gRPC by then, but for its
    original path."""
    return {"or_filter": {"filters": [
        {"header_filter": {"header": {"name": "content-type", "string_match": {"prefix": "application/grpc"},
                                      "invert_match": True, "treat_missing_header_as_empty": True}}},
        {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}}]}}
