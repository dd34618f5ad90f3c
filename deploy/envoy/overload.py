"""What the door does when all is full: first it holds fewer things for others, then it lets nobody in; and when one
connection asks too much of it."""
from names import TYPE

HEAP = "envoy.resource_monitors.fixed_heap"
# Each action with the part of the heap at which it begins, and, where it grows, at which it is complete.
ACTIONS = [
    ("shrink_heap", 0.80, None),
    ("reduce_timeouts", 0.80, 0.95),
    ("reset_high_memory_stream", 0.85, 0.95),
    ("disable_http_keepalive", 0.90, None),
    ("stop_accepting_requests", 0.95, None),
    ("stop_accepting_connections", 0.98, None),
]
# How far waiting may be shortened.
SHORTEST = [("HTTP_DOWNSTREAM_CONNECTION_IDLE", "2s"), ("HTTP_DOWNSTREAM_STREAM_IDLE", "5s")]


def overload_manager(limits):
    """Keys of the configuration itself."""
    return {
        "overload_manager": {
            "refresh_interval": "0.25s",
            "buffer_factory_config": {"minimum_account_to_track_power_of_two": 18},  # streams that hold less are left alone
            "resource_monitors": [
                _monitor(HEAP, "fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=limits.heap_bytes),
                _monitor("envoy.resource_monitors.global_downstream_max_connections",
                         "downstream_connections.v3.DownstreamConnectionsConfig",
                         max_active_downstream_connections=limits.connections)],
            "actions": [_action(*action) for action in ACTIONS],
        },
        "layered_runtime": {"layers": [{"name": "limits", "static_layer": {
            "overload.premature_reset_total_stream_count": limits.resets,
            "overload.premature_reset_min_stream_lifetime_seconds": limits.reset_before}}]},
    }


def _monitor(name, config, **fields):
    return {"name": name, "typed_config": {"@type": f"{TYPE}.extensions.resource_monitors.{config}", **fields}}


def _action(name, begins, complete):
    trigger = {"scaled": {"scaling_threshold": begins, "saturation_threshold": complete}} if complete else {"threshold": {"value": begins}}
    action = {"name": f"envoy.overload_actions.{name}", "triggers": [{"name": HEAP, **trigger}]}
    if name == "reduce_timeouts":
        action["typed_config"] = {"@type": f"{TYPE}.config.overload.v3.ScaleTimersOverloadActionConfig",
                                  "timer_scale_factors": [{"timer": timer, "min_timeout": least} for timer, least in SHORTEST]}
    return action
