"""The house rules that C++ files can be asked about (DESIGN section 5), each a function from sources to findings.

A rule with exceptions names each with its reason; an exception that is not needed any more is a finding itself.
"""
import re

from sources import Finding

# What each layer of the runtime may include besides itself.
BELOW = {
    "base": set(),
    "decider": {"base"},
    "workcalendar": {"base"},
    "personal": set(),
    "objects": {"base", "decider"},
    "people": {"base", "decider"},
    "journal": {"base", "decider"},
    "hotstate": {"base", "decider"},
    "shard": {"base", "decider", "journal", "hotstate"},
    "rpc": {"base", "decider", "journal", "hotstate", "shard", "people", "personal", "objects"},
}
SHARED_PROTOS = {"type", "options", "reference", "log", "runtime"}
DOMAIN_PROTOS = {"type", "options", "reference"}
# Standard headers that bring clocks, randomness, threads or files into a pure core.
IMPURE = {"atomic", "chrono", "condition_variable", "filesystem", "fstream", "future", "iostream", "mutex", "random",
          "shared_mutex", "thread", "ctime"}


def layering(sources):
    """proto <- runtime <- services <- tests; base <- decider <- {journal, hotstate} <- shard <- rpc; no service includes
    another, but for its *_events.pb.h; civicctl may read every domain's state, what it makes of reference data, and in
    which shard it puts a place. A test beside the code may use what stands in tests/."""
    for source in sources:
        for line, name in source.includes:
            if source.is_test() and name.startswith("tests/"):
                continue
            if why := _wrong_layer(source.path.split("/"), name):
                yield Finding(source.path, line, f"{why}: {name}")


def _wrong_layer(own, name):
    target = name.split("/")
    if own[0] == "tests":
        return None
    if target[0] == "tests":
        return "services stand below tests"
    if own[1] == "runtime":
        if target[0] == "services" and target[1] != "runtime":
            return "the runtime knows no service"
        if target[:2] == ["services", "runtime"] and target[2] not in BELOW[own[2]] | {own[2]}:
            return f"{own[2]} stands below {target[2]}, or beside it"
        if target[0] == "civicmesh" and target[1] not in SHARED_PROTOS:
            return "the runtime knows no domain's protos"
        return None
    if own[1] == "civicctl":
        if target[0] == "services" and target[1] not in ("civicctl", "runtime"):
            if target[2] != "domain" and not name.endswith(("_reference.h", "_geometry.h")):
                return "civicctl reads a service's domain/, *_reference.h and *_geometry.h only"
        return None
    if target[0] == "services" and target[1] not in (own[1], "runtime"):
        return "a service never includes another"
    if target[0] == "civicmesh" and target[1] not in SHARED_PROTOS | {own[1]} and not name.endswith("_events.pb.h"):
        return "of another domain only its *_events.proto"
    return None


def domain_is_pure(sources):
    """domain/ sees its own protos, shared values, absl, std, decider/, personal/ and workcalendar/; nothing with a clock, a thread,
    a file or a network in it. base/ids.h is a pure function of its arguments. What analytics folds is the others' facts."""
    for source in sources:
        if "/domain/" not in source.path or source.is_test():
            continue
        for line, name in source.includes:
            if not _pure(source.path.split("/")[1], name):
                yield Finding(source.path, line, f"not for a domain: {name}")


def _pure(service, name):
    target = name.split("/")
    if len(target) == 1:
        return not name.endswith(".h") and name not in IMPURE
    if target[0] == "absl":
        return target[1] not in ("synchronization", "random") and name != "absl/time/clock.h"
    if target[0] == "google":
        return target[1] == "protobuf"
    if target[0] == "civicmesh":
        folds_it = service == "analytics" and name.endswith("_events.pb.h")
        return (target[1] in DOMAIN_PROTOS | {service} or folds_it) and not name.endswith(".grpc.pb.h")
    if target[:2] == ["services", "runtime"]:
        return (target[2] in ("decider", "personal", "workcalendar") or name == "services/runtime/base/ids.h") and \
            target[-1] != "given_when_then.h"
    return target[:3] == ["services", service, "domain"] or (target[:3] in PURE_FOLDERS and target[1] == service)


# Pure folders of a service beside its domain/.
PURE_FOLDERS = [["services", "intake", "text"]]  # what it reads out of texts


def client_headers(sources):
    """Only kafka_* and redis_* of journal and hotstate touch the client libraries."""
    for source in sources:
        name = source.path.rsplit("/", 1)[-1]
        for line, header in source.includes:
            allowed = (header.startswith("librdkafka/") and source.path.startswith("services/runtime/journal/kafka_")) or \
                (header.startswith("hiredis/") and source.path.startswith("services/runtime/hotstate/redis_"))
            if header.startswith(("librdkafka/", "hiredis/")) and not allowed:
                yield Finding(source.path, line, f"a client's header in {name}: {header}")


_TOPIC = re.compile(r"civicmesh\.[a-z%{}<>]*\.?(commands|journal|events|parked|keys)\b|civicmesh:|\.(commands|journal|events|parked)\.v\d")


def literals(sources):
    """Topics, groups and keys are spelt by services/runtime/base/names alone; a test may say what it expects of them."""
    for source in sources:
        if source.path.startswith("services/runtime/base/names") or source.is_test():
            continue
        for line, text in source.strings:
            if _TOPIC.search(text):
                yield Finding(source.path, line, f"a topic or key as a literal: {text[:60]}")


NOW = r"\bsystem_clock\b|\babsl::Now\b|\bgettimeofday\b|\bclock_gettime\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)|\bClock::Real\b"
SLEEP = r"\bsleep_for\b|\bsleep_until\b|\bSleepFor\b|\busleep\b|\bnanosleep\b|(?<![\w.>:])sleep\s*\("
# Where the runtime has to ask the machine for the time, and why.
MAY_ASK_THE_TIME = {
    "services/runtime/base/clock.cc": "the clock itself",
    "services/runtime/base/log.cc": "a line of the log says when it was written",
    "services/runtime/rpc/gate.cc": "gRPC gives deadlines in the system's time",
    "services/runtime/rpc/rpc_server.cc": "gRPC takes deadlines in the system's time",
    "services/runtime/rpc/service_process.cc": "how long a drain may take, how late the worker is",
    "services/runtime/shard/worker.cc": "hands the machine's clock to the owners",
}
MAY_SLEEP = {
    "services/civicctl/load.cc": "asks a running mesh again, which cannot tell it",
    "services/civicctl/person_door.cc": "the door has said to come again in a second",
    "services/runtime/rpc/locked_twins.h": "a group's Poll waits, as a broker's does",
}


def clocks(sources):
    """Business time comes from the log: no clock in a domain, none in the runtime but where named; a domain has no
    differences of time to measure either. Tests bound their waits by the clock."""
    needed = set()
    for source in sources:
        domain, runtime = "/domain/" in source.path, source.path.startswith("services/runtime/")
        if not (domain or runtime) or source.is_test():
            continue
        for line, found in source.lines_with(NOW + (r"|\bsteady_clock\b" if domain else "")):
            needed.add(source.path)
            if source.path not in MAY_ASK_THE_TIME:
                yield Finding(source.path, line, f"asks the clock: {found}")
    yield from _unneeded(MAY_ASK_THE_TIME, needed, sources)


def sleeping(sources):
    """Nothing sleeps: what waits is woken, and tests turn time themselves."""
    needed = set()
    for source in sources:
        for line, found in source.lines_with(SLEEP):
            needed.add(source.path)
            if source.path not in MAY_SLEEP:
                yield Finding(source.path, line, f"sleeps: {found}")
    yield from _unneeded(MAY_SLEEP, needed, sources)


def _unneeded(exceptions, needed, sources):
    for path in sorted(set(exceptions) & {s.path for s in sources} - needed):
        yield Finding(path, 1, "an exception that is not needed any more")


def folds_forget_nothing(sources):
    """A switch over a oneof has no default, so that a forgotten event does not compile (-Werror=switch)."""
    for source in sources:
        if source.is_test() or "/domain/" not in source.path:
            continue
        for found in re.finditer(r"switch\s*\([^{]*_case\(\)\s*\)\s*\{", source.code):
            body, _ = _braces(source.code, found.end())
            if re.search(r"\bdefault\s*:", body):
                yield Finding(source.path, source.code.count("\n", 0, found.start()) + 1, "default in a switch over a oneof")


def _braces(code, start):
    depth = 1
    for end in range(start, len(code)):
        depth += {"{": 1, "}": -1}.get(code[end], 0)
        if depth == 0:
            return code[start:end], end
    return code[start:], len(code)


def headers(sources):
    """A header says what it is before anything else, and is included once."""
    for source in sources:
        if not source.path.endswith(".h"):
            continue
        if not source.text.startswith("// "):
            yield Finding(source.path, 1, "does not begin with what it is")
        if "\n#pragma once\n" not in source.text:
            yield Finding(source.path, 1, "no #pragma once")


def unfinished(sources):
    """No note to do something later."""
    for source in sources:
        for number, line in enumerate(source.text.splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield Finding(source.path, number, "unfinished")


RULES = [layering, domain_is_pure, client_headers, literals, clocks, sleeping, folds_forget_nothing, headers, unfinished]

MAX_HEADER, MAX_MAIN = 150, 60


def sizes(sources):
    """Sizes warn, they do not fail."""
    for source in sources:
        lines = source.text.count("\n")
        most = MAX_MAIN if source.path.endswith("/main.cc") else MAX_HEADER if source.path.endswith(".h") else lines
        if lines > most:
            yield Finding(source.path, lines, f"{lines} lines, {most} would do")
