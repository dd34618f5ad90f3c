"""Where the keys come from by which tokens are checked: a file that is read at the start, or the issuer's URL.

From a URL the door keeps what it got last, through an outage of the issuer for as long as it runs: it knows no time after which
keys are too old. The services do (--jwks_good_for), and check every token again. A door that starts during the outage refuses
every token until the issuer is back, and lets in who needs none. A file Envoy reads once: another key in it needs another start of the
door.
"""
import urllib.parse

from limits import seconds
from names import ISSUER, TYPE


def is_url(place):
    return place.startswith(("http://", "https://"))


def key_set(place, limits):
    if not is_url(place.jwks):
        return {"local_jwks": {"filename": place.jwks}}
    return {"remote_jwks": {
        "http_uri": {"uri": place.jwks, "cluster": ISSUER, "timeout": seconds(limits.keys_answer)},
        # Envoy looks five seconds before the end of this.
        "cache_duration": seconds(limits.keys_every + 5 if limits.keys_every > 5 else limits.keys_every),
        "async_fetch": {"failed_refetch_duration": seconds(limits.keys_retry)}}}


def issuer_cluster(place, limits):
    if not is_url(place.jwks):
        return []
    url = urllib.parse.urlsplit(place.jwks)
    secure = url.scheme == "https"
    cluster = {
        "name": ISSUER, "type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED", "connect_timeout": seconds(limits.connect),
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "load_assignment": {"cluster_name": ISSUER, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {
            "address": url.hostname, "port_value": url.port or (443 if secure else 80)}}}}]}]}}
    if secure:
        cluster["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": f"{TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": url.hostname,
            "common_tls_context": {"validation_context": {
                "trusted_ca": {"filename": place.jwks_authorities},
                # Without it any certificate of theirs would do, whoever has it.
                "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": url.hostname}}]}}}}
    return [cluster]
