"""The configuration of Envoy, the only way in: what is not listed here is 404, what is listed needs a token unless its
proto says that anybody may call.

Everything about an RPC comes from its proto: an HTTP route per binding of google.api.http (transcoded to gRPC), a gRPC
route per method (native and gRPC-Web), and from civicmesh.options.v1.access whether a call without a token passes. A token
that is sent must be good in any case. Which posts may call is the services' to say; they verify the token once more.

limits.py: all numbers. routes.py: the allow-list. filters.py, rates.py: what a request passes. replies.py: how the door
refuses. Here: how they come together, connections, and what holds when all is full.
"""
import dataclasses

from filters import all_filters, sharing_policy
from issuer import issuer_cluster
from limits import Limits, seconds
from names import NOBODY, TYPE
from overload import overload_manager
from replies import local_replies
from routes import all_routes
from store import store_clusters


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the parts of one installation are."""

    port: int  # 0: any free one
    sockets: dict  # a service's name -> the path of its socket
    admin: str  # the path of the socket of Envoy's own administration
    descriptors: str  # the path of the descriptor set
    access_log: str
    jwks: str  # a file, or the issuer's URL
    issuer: str
    audiences: tuple  # of the kinds of clients that there are
    objects: str = ""  # the path of the object store's socket; "": there is none
    agency_audience: str = ""  # which of them is other agencies'; "": none
    jwks_authorities: str = "/etc/ssl/certs/ca-certificates.crt"  # who may certify the server of that URL
    console_origin: str = ""  # whose pages may read our answers, as "https://console.city.example"; "": nobody's
    known_addresses: tuple = ("127.0.0.1",)  # that may ask as often as limits.Rates.known says


def make_config(protos, place, limits=Limits()):
    """The whole configuration, as a dict for JSON. Raises ProtoError."""
    return {
        "admin": {"address": {"pipe": {"path": place.admin, "mode": 0o600}}},
        "static_resources": {
            "listeners": [_listener(protos, place, limits)],
            "clusters": [_cluster(name, place.sockets[name], limits) for name in protos.services] + [
                *(store_clusters(place, limits) if place.objects else []), _NOBODY, *issuer_cluster(place, limits)],
        },
        **overload_manager(limits),
    }


def _listener(protos, place, limits):
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "door",
        "codec_type": "AUTO",
        # Nobody is internal: x-envoy-* of a client is never believed. Without a range of its own Envoy takes private networks
        # and loopback.
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False, "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "server_name": "civicmesh",
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": {
            "idle_timeout": seconds(limits.idle), "max_headers_count": limits.headers, "headers_with_underscores_action": "REJECT_REQUEST"},
        "http2_protocol_options": _http2(limits),
        # What is no HTTP ends the connection: whoever sends it may mean the next request to be read out of this one.
        "stream_error_on_invalid_http_message": False,
        "max_request_headers_kb": limits.headers_kib,
        "request_headers_timeout": seconds(limits.first_headers),
        "request_timeout": seconds(limits.upload_request if place.objects else limits.whole_request),
        "stream_idle_timeout": seconds(limits.silence),
        "local_reply_config": local_replies(protos, limits.retry_after),
        "route_config": {"name": "door", "virtual_hosts": [
            {"name": "door", "domains": ["*"], "routes": all_routes(protos, place, limits),
             "typed_per_filter_config": sharing_policy(place)}]},
        "http_filters": all_filters(protos, place, limits),
        "access_log": [_access_log(place)],
    }
    return {
        "name": "door",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": place.port}},
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }


def _http2(limits):
    return {
        "max_concurrent_streams": limits.streams,
        "initial_stream_window_size": 65536,
        "initial_connection_window_size": 1048576,
        "max_outbound_frames": limits.frames,
        "max_outbound_control_frames": limits.control_frames,
        "max_consecutive_inbound_frames_with_empty_payload": limits.empty_frames,
        "max_inbound_priority_frames_per_stream": limits.priority_frames,
        "max_inbound_window_update_frames_per_data_frame_sent": limits.window_updates,
        "override_stream_error_on_invalid_http_message": False,
    }


def _cluster(name, socket, limits):
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": seconds(limits.connect),
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}},
        "circuit_breakers": {"thresholds": [
            {"max_pending_requests": limits.waiting, "max_requests": limits.at_once, "max_retries": 64}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"pipe": {"path": socket}}}}]}]},
    }


# Where preflights would go: those that nobody has answered before are refused before.
_NOBODY = {"name": NOBODY, "type": "STATIC", "load_assignment": {"cluster_name": NOBODY}}


def _access_log(place):
    """Names the route and not the path, which may name a person's things."""
    return {"name": "envoy.access_loggers.file", "typed_config": {
        "@type": f"{TYPE}.extensions.access_loggers.file.v3.FileAccessLog",
        "path": place.access_log,
        "log_format": {"json_format": {
            "time": "%START_TIME%", "route": "%ROUTE_NAME%", "method": "%REQ(:METHOD)%", "status": "%RESPONSE_CODE%",
            "grpc_status": "%GRPC_STATUS%", "flags": "%RESPONSE_FLAGS%", "ms": "%DURATION%",
            "received": "%BYTES_RECEIVED%", "sent": "%BYTES_SENT%", "request_id": "%REQ(X-REQUEST-ID)%"}}}}
