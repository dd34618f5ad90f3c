"""The allow-list: an HTTP route per binding of google.api.http and a gRPC route per method, then 404 for everything else.

ControlService is served by every service. Over HTTP the path names the one asked (/v1/control/dispatch/…); native gRPC and
gRPC-Web calls name it in the header x-civicmesh-service.
"""
import re

from limits import seconds
from names import GRPC, HTTP, JWT, KIND, LUA, NOBODY, OURS, TRANSCODER, TYPE
from store import store_routes

# One segment of a resource name: what needs no escape in a path. Without the colon, so that a verb is never taken for a part
# of the name; without the per cent, so that nothing is hidden from us that a service would see.
SEGMENT = "[A-Za-z0-9._~-]+"
NATIVE = "application/grpc"


def all_routes(protos, place, limits):
    routes = []
    for service in protos.services:
        for rpc in protos.rpcs(service):
            routes += _routes_of(rpc, service, kind_of(rpc), limits, lambda template: template)
        for rpc in protos.control_rpcs():
            routes += _routes_of(rpc, service, "control", limits, lambda template, named=service: template.replace("{service}", named),
                                 [_header("x-civicmesh-service", exact=service)])
    if place.objects:
        for route in routes:
            _bound(route["route"], limits)
        routes += store_routes(protos, limits)
    return [*routes, *([_PREFLIGHT] if place.console_origin else []), _nowhere()]


def _bound(route, limits):
    """Uploads may come for longer than other requests, and Envoy has one such limit for all: it is theirs, and the others end by
    this. But for streams, which may last."""
    if route["timeout"] != "0s":
        route["max_stream_duration"] = {"max_stream_duration": seconds(limits.whole_request + limits.answer)}


def kind_of(rpc):
    """Of limits.RATES."""
    if rpc.raw:
        return "open311"
    if rpc.anonymous:
        return "public"
    return "read" if any(binding.method == "GET" for binding in rpc.bindings) else "command"


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


def _routes_of(rpc, service, kind, limits, path_of, grpc_headers=()):
    over_http = [_route(rpc, _http_match(path_of(binding.template), binding.method), service, kind, limits) for binding in rpc.bindings]
    if rpc.raw:
        for route in over_http:
            route["typed_per_filter_config"][LUA] = {"@type": f"{TYPE}.config.route.v3.FilterConfig", "config": {
                "@type": f"{HTTP}.lua.v3.LuaPerRoute"}}
    # Compressed messages are not taken: a small one may become a gigabyte behind us.
    over_grpc = {"path": rpc.path, "headers": [
        _header(":method", exact="POST"), _header("content-type", regex=rf"{GRPC}(\+proto)?"), *grpc_headers, _header("grpc-encoding", regex="(identity)?")]}
    return [*over_http, _route(rpc, over_grpc, service, kind, limits)]


def _http_match(template, method):
    path = path_regex(template)
    match = {"safe_regex": {"regex": path}} if path else {"path": template}
    # What calls itself gRPC would not be transcoded, but handed on as it is.
    return {**match, "headers": [_header(":method", exact=method), {**_header("content-type", prefix=NATIVE), "invert_match": True}]}


def _route(rpc, match, service, kind, limits):
    return {
        "name": f"{service}: {rpc.service.rsplit('.', 1)[1]}/{rpc.name}",
        "match": match,
        "metadata": _kind(kind),
        "route": {
            "cluster": service,
            "timeout": "0s" if rpc.streams else seconds(limits.answer),
            # Only where certainly nothing reached the service.
            "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 2},
        },
        "typed_per_filter_config": {JWT: {"@type": f"{HTTP}.jwt_authn.v3.PerRouteConfig",
                                          "requirement_name": "token_or_none" if rpc.anonymous else "token"}},
    }


# The filter for CORS answers preflights of the console, wherever they go, but only those with a route to a cluster. Others go
# on to the token that they do not have.
_PREFLIGHT = {
    "name": "preflight",
    "match": {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "OPTIONS"}},
                                         {"name": "access-control-request-method", "present_match": True}]},
    "metadata": {"filter_metadata": {OURS: {KIND: "nowhere"}}},
    "route": {"cluster": NOBODY},
    "typed_per_filter_config": {JWT: {"@type": f"{HTTP}.jwt_authn.v3.PerRouteConfig", "requirement_name": "token"}},
}


def _nowhere():
    return {
        "name": "nowhere",
        "match": {"prefix": "/"},
        "metadata": _kind("nowhere"),
        "direct_response": {"status": 404, "body": {"inline_string": "no such path"}},
        "typed_per_filter_config": {
            JWT: {"@type": f"{HTTP}.jwt_authn.v3.PerRouteConfig", "disabled": True},
            TRANSCODER: {"@type": f"{TYPE}.config.route.v3.FilterConfig", "disabled": True}},
    }


def _kind(kind):
    return {"filter_metadata": {OURS: {KIND: kind}}}


def _header(name, exact=None, regex=None, prefix=None):
    """A header that is not there counts as empty."""
    how = {"exact": exact} if exact is not None else {"safe_regex": {"regex": regex}} if regex else {"prefix": prefix}
    return {"name": name, "string_match": how, "treat_missing_header_as_empty": True}
