"""How often may be asked: by kind of call, one address and all of them together (limits.RATES); by agency; and with a token that
is good once."""
from names import CLAIMS, HTTP, JWT, KIND, OURS

# Descriptors tell how often each bucket is filled as a multiple of this.
TICK = "1s"
UNLIMITED = (1 << 32) - 1


def limit_rates(limits, known_addresses):
    """The buckets are the filter's, not the routes': those of one kind share theirs."""
    always = {"runtime_key": "door.rates", "default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    whole = limits.rates.values()
    kind = {"metadata": {"descriptor_key": KIND, "metadata_key": {"key": OURS, "path": [{"key": KIND}]}, "source": "ROUTE_ENTRY"}}
    address = {"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}}
    return {"name": "envoy.filters.http.local_ratelimit", "typed_config": {
        "@type": f"{HTTP}.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "rates",
        "filter_enabled": always,
        "filter_enforced": always,
        "token_bucket": _bucket(sum(rates.everybody.per_second for rates in whole), sum(rates.everybody.burst for rates in whole)),
        "rate_limits": [{"actions": [kind]}, {"actions": [kind, address]}],
        "descriptors": [descriptor for name, rates in limits.rates.items() for descriptor in _descriptors(name, rates, known_addresses)],
        "max_dynamic_descriptors": limits.remembered_addresses,
        "rate_limited_as_resource_exhausted": True,
        "response_headers_to_add": [{"append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                                     "header": {"key": "retry-after", "value": str(limits.retry_after)}}]}}


def _descriptors(kind, rates, known_addresses):
    of_kind = {"key": KIND, "value": kind}
    yield {"entries": [of_kind], "token_bucket": _bucket(rates.everybody.per_second, rates.everybody.burst)}
    for address in known_addresses:
        network = f"{address}/{128 if ':' in address else 32}"
        yield {"entries": [of_kind, {"key": "masked_remote_address", "value": network}],
               "token_bucket": _bucket(rates.known.per_second, rates.known.burst)}
    # Without a value: a bucket for each that comes.
    yield {"entries": [of_kind, {"key": "masked_remote_address"}],
           "token_bucket": _bucket(rates.stranger.per_second, rates.stranger.burst)}


def limit_agencies(limits, audience):
    """Each of them by itself, whatever it asks for: what no agency needs, whichever quota the services know for it. Of what a good
    token claims, so after it was checked. A token that is for several audiences is left to the services."""
    if not audience:
        return []
    return [_by_claims("agencies", ["aud", "sub"], {"rate_limited_as_resource_exhausted": True}, limits.remembered_agencies,
                       [{"key": "aud", "value": audience}, {"key": "sub"}], _bucket(limits.agency_per_second, limits.agency_burst),
                       [{"append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                         "header": {"key": "retry-after", "value": str(limits.retry_after)}}])]


def take_once(limits):
    """A token that is good once passes once, for as long as it may live: refused as any other bad token. This door's own memory,
    which a restart empties: the services ask theirs."""
    return _by_claims("once", ["civicmesh_use", "jti"], {"status": {"code": "Unauthorized"}}, limits.remembered_tokens,
                      [{"key": "civicmesh_use", "value": "once"}, {"key": "jti"}],
                      {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": f"{limits.one_time_seconds}s"}, [])


def _by_claims(name, claims, answer, remembered, entries, bucket, headers):
    always = {"runtime_key": f"door.{name}", "default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    claim = lambda which: {"metadata": {"descriptor_key": which, "source": "DYNAMIC", "metadata_key": {
        "key": JWT, "path": [{"key": CLAIMS}, {"key": which}]}}}
    return {"name": f"civicmesh.{name}", "typed_config": {
        "@type": f"{HTTP}.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": name,
        "filter_enabled": always,
        "filter_enforced": always,
        # Of whom no descriptor speaks: nobody is limited by this one.
        "token_bucket": {"max_tokens": UNLIMITED, "tokens_per_fill": UNLIMITED, "fill_interval": TICK},
        "rate_limits": [{"actions": [claim(which) for which in claims]}],
        "descriptors": [{"entries": entries, "token_bucket": bucket}],
        "max_dynamic_descriptors": remembered,
        "response_headers_to_add": headers,
        **answer}}


def _bucket(per_second, burst):
    return {"max_tokens": burst, "tokens_per_fill": per_second, "fill_interval": TICK}
