"""What a request passes on its way in, in this order."""
from issuer import key_set
from names import CLAIMS, CORS, HTTP, JWT, LUA, TRANSCODER
from rates import limit_agencies, limit_rates, take_once
from store import limit_uploads


def all_filters(protos, place, limits):
    return [_sanitise(), *_share(place), _translate_grpc_web(), limit_rates(limits, place.known_addresses), _check_shape_of_token(),
            _authenticate(place, limits), *limit_agencies(limits, place.agency_audience), take_once(limits), _limit_bodies(limits),
            *([limit_uploads(limits)] if place.objects else []), _tell_status(), _transcode(protos, place, limits),
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": f"{HTTP}.router.v3.Router", "suppress_envoy_headers": True}}]


def sharing_policy(place):
    """Which pages of elsewhere may read our answers, for a virtual host: those of the console, none where there is no origin.
    No cookies: the console sends its token itself."""
    if not place.console_origin:
        return {}
    return {CORS: {
        "@type": f"{HTTP}.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"exact": place.console_origin}],
        "allow_methods": "GET, POST, PUT, PATCH, DELETE",
        "allow_headers": "authorization, content-type, grpc-timeout, x-grpc-web, x-user-agent, civicmesh-time, x-civicmesh-service, "
                         "traceparent",
        "expose_headers": "grpc-status, grpc-message, grpc-status-details-bin, retry-after, x-request-id",
        "max_age": "600"}}


def _sanitise():
    """Headers by which only we speak: what a token said, what Envoy tells itself (paths before they were transcoded, how long to
    wait, when to try again), and what would change a call of the object store without being signed."""
    return {"name": "envoy.filters.http.header_mutation", "typed_config": {
        "@type": f"{HTTP}.header_mutation.v3.HeaderMutation",
        "mutations": {"request_mutations": [
            {"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in ("x-jwt-", "x-envoy-", "x-amz-", "x-seaweedfs-", "seaweed-")]}}}


def _share(place):
    """Before tokens are asked for: a browser asks without one whether it may. Before rates too, so that the console can read
    that it has asked too often."""
    return [{"name": CORS, "typed_config": {"@type": f"{HTTP}.cors.v3.Cors"}}] if place.console_origin else []


def _translate_grpc_web():
    """From here on it is native gRPC, in refusals too."""
    return {"name": "envoy.filters.http.grpc_web", "typed_config": {"@type": f"{HTTP}.grpc_web.v3.GrpcWeb"}}


def _check_shape_of_token():
    """One signed token, and nothing beside it. Envoy's own reading would take the first of two and leave the second to the
    service, and takes another scheme for no token at all."""
    token = {"name": "authorization", "string_match": {"safe_regex": {"regex": r"Bearer [\w-]+\.[\w-]+\.[\w-]+"}}}
    odd = {"and_rules": {"rules": [{"header": {"name": "authorization", "present_match": True}}, {"not_rule": {"header": token}}]}}
    return {"name": "envoy.filters.http.rbac", "typed_config": {
        "@type": f"{HTTP}.rbac.v3.RBAC",
        "rules": {"action": "DENY", "policies": {"token": {"permissions": [odd], "principals": [{"any": True}]}}}}}


def _authenticate(place, limits):
    provider = {
        "issuer": place.issuer,
        "audiences": list(place.audiences),
        "require_expiration": True,
        "clock_skew_seconds": 60,  # as the services'
        "forward": True,  # the services verify it again and read the posts from it
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": CLAIMS,
        **key_set(place, limits),
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


def _limit_bodies(limits):
    """Counts what comes: the transcoder's own bound holds only for what it cannot parse on the way."""
    return {"name": "envoy.filters.http.body_size_limit", "typed_config": {
        "@type": f"{HTTP}.body_size_limit.v3.BodySizeLimit", "max_request_bytes": limits.body_bytes}}


def _tell_status():
    """What answers whole documents says by a header which status of HTTP they have: the transcoder knows only 200 for them. Where
    a route asks for it."""
    return {"name": LUA, "disabled": True, "typed_config": {"@type": f"{HTTP}.lua.v3.Lua", "default_source_code": {"inline_string": """
        function envoy_on_response(handle)
          local status = handle:headers():get("civicmesh-http-status")
          if status ~= nil then
            handle:headers():replace(":status", status)
            handle:headers():remove("civicmesh-http-status")
          end
        end"""}}}


def _transcode(protos, place, limits):
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
        "max_request_body_size": limits.body_bytes,
        "max_response_body_size": limits.answer_bytes}}
