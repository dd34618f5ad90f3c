#!/usr/bin/python3 -B
"""Writes the deadlines and retries of every public method as a gRPC service config: service_config.py SET_IN JSON_OUT

One config for all services: a config belongs to a channel, and there is one door. Only UNAVAILABLE is retried, which means
"unknown, or not now"; gRPC sends the same bytes again, so a retry carries the same request_id and nothing happens twice.
"""
import json
import pathlib
import sys

from described import Described

# Both are for the call with all its retries. The door gives an answer to each attempt within 8 s.
READ = {
    "timeout": "10s",
    "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"]},
}
# Long enough for another replica to take over from one that was killed.
WRITE = {
    "timeout": "30s",
    "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.5s", "maxBackoff": "8s", "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"]},
}
# A city in trouble is not asked four times as often.
THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}


class Unsafe(Exception):
    """A method that must not be repeated; the message says which."""


def methods(described):
    """(full name of the service, method, the message it takes) of every method."""
    messages = {f".{file.package}.{message.name}": message for file in described.all for message in file.message_type}
    for file in described.all:
        for service in file.service:
            for method in service.method:
                yield f"{file.package}.{service.name}", method, messages[method.input_type]


def policy(described, service, method, request):
    """READ or WRITE. Raises Unsafe."""
    if any(verb == "GET" for verb, _, _ in described.bindings(method)):
        return READ
    if method.options.idempotency_level == method.options.IDEMPOTENT or any(field.name == "request_id" for field in request.field):
        return WRITE
    raise Unsafe(f"{service}.{method.name} changes something, but {request.name} has no request_id to repeat it with, nor is it IDEMPOTENT")


def service_config(described):
    """The whole config, as a dict for JSON. Raises Unsafe."""
    names = {id(READ): [], id(WRITE): []}
    for service, method, request in methods(described):
        names[id(policy(described, service, method, request))].append({"service": service, "method": method.name})
    return {"methodConfig": [{"name": names[id(what)], **what} for what in (READ, WRITE) if names[id(what)]],
            "retryThrottling": THROTTLING}


def main():
    read, write = map(pathlib.Path, sys.argv[1:])
    try:
        config = service_config(Described(read.read_bytes()))
    except Unsafe as unsafe:
        sys.exit(str(unsafe))
    write.write_text(json.dumps(config, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
