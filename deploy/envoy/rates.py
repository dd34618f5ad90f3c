"""How often may be asked: by kind of call, one address and all of them together (limits.RATES)."""
from names import HTTP, KIND, OURS

# Descriptors tell how often each bucket is filled as a multiple of this.
TICK = "1s"


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


def _bucket(per_second, burst):
    return {"max_tokens": burst, "tokens_per_fill": per_second, "fill_interval": TICK}
