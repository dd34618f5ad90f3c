"""What one message, one client and the whole door may take, all in one place; README.md says what a client sees at each.

One machine's numbers. Tests make others by dataclasses.replace; an installation behind a load balancer changes them here.
"""
import dataclasses

KIB, MIB = 1 << 10, 1 << 20


@dataclasses.dataclass(frozen=True)
class Rate:
    """`burst` calls at once, and as many as `per_second` more in each second."""

    per_second: int
    burst: int


@dataclasses.dataclass(frozen=True)
class Rates:
    """Of one kind of call: what one address may (an IPv6 network of 64 bits counts as one), what one that the installation
    knows may, and what all may together."""

    stranger: Rate
    known: Rate
    everybody: Rate


# By kind of call, as routes.kind_of says. A stranger is a phone, or an office of some dozens of clerks behind one address.
RATES = {
    # Whoever needs no token: reports by citizens, who also guess tracking codes.
    "public": Rates(Rate(10, 50), Rate(2_000, 8_000), Rate(3_000, 10_000)),
    # City apps (Open311): phones, and apps' own servers, which an installation knows.
    "open311": Rates(Rate(5, 30), Rate(200, 1_000), Rate(500, 2_000)),
    "read": Rates(Rate(50, 250), Rate(8_000, 16_000), Rate(10_000, 20_000)),
    "command": Rates(Rate(25, 100), Rate(8_000, 16_000), Rate(10_000, 20_000)),
    # Operators: time, rest, metrics, reference data.
    # The object store: forms, and links to what they brought.
    "upload": Rates(Rate(1, 20), Rate(200, 1_000), Rate(200, 1_000)),
    "link": Rates(Rate(50, 250), Rate(1_000, 2_000), Rate(2_000, 4_000)),
    "control": Rates(Rate(10, 50), Rate(1_000, 2_000), Rate(1_000, 2_000)),
    # What is no RPC: a client that asks much of it is looking for holes.
    "nowhere": Rates(Rate(5, 50), Rate(200, 500), Rate(1_000, 2_000)),
}


@dataclasses.dataclass(frozen=True)
class Limits:
    # One message.
    headers: int = 64
    headers_kib: int = 16
    body_bytes: int = 1_000_000  # as the services': a request becomes a record of the log, which takes 1 MB
    answer_bytes: int = 4 * MIB
    buffer_bytes: int = 32 * KIB  # of one connection, before its sender is made to wait

    # One upload, a form with its file.
    upload_bytes: int = 21 * MIB
    upload_request: float = 90  # until all of it is there
    upload_silence: float = 10  # in which nothing of it comes
    upload_answer: float = 30  # for the store to answer, once it is all there
    uploads_at_once: int = 128
    links_at_once: int = 512
    link_cached: int = 300  # for how long a browser may keep what a link brought

    # One connection, in seconds unless it says otherwise.
    first_headers: float = 5  # until all headers of a request are there
    whole_request: float = 15  # until all of it is there
    silence: float = 30  # of a stream on which nothing moves, either way: slow readers
    idle: float = 30  # of a connection without a stream
    streams: int = 512  # at once, over HTTP/2
    resets: int = 500  # streams, most of them reset before their time: the connection ends
    reset_before: int = 1  # what is before its time
    control_frames: int = 1_000  # answers to PING, SETTINGS, RST_STREAM that the client does not read
    frames: int = 10_000  # the same of all frames
    empty_frames: int = 1  # one after the other, without content
    priority_frames: int = 100  # per stream
    window_updates: int = 10  # per frame of data that was sent

    # The whole door.
    connections: int = 2_000
    heap_bytes: int = 512 * MIB
    remembered_addresses: int = 20_000  # addresses and kinds of call whose rate is kept; the longest unseen is forgotten
    rates: dict = dataclasses.field(default_factory=lambda: dict(RATES))
    agency_per_second: int = 200  # of one agency, by its token: the services count it against its own quota
    agency_burst: int = 2_000
    remembered_agencies: int = 1_000
    one_time_seconds: int = 660  # that a token which is good once may live, with the skew: so long it passes no second time
    remembered_tokens: int = 20_000  # that were good once
    retry_after: int = 1  # what a refused client is told to wait

    # The way on to a service. It answers within its --reply_wait (5 s), even if only "unknown": we wait a little longer.
    answer: float = 8
    connect: float = 1
    waiting: int = 1_024  # calls of one service, while there is no connection to it
    at_once: int = 4_096  # calls of one service

    # The way to the issuer's keys, where they are at a URL.
    keys_every: int = 300  # seconds between two looks
    keys_retry: int = 10  # the same after one that brought none
    keys_answer: int = 5  # until it has answered


def seconds(number):
    """As Envoy writes a duration."""
    return f"{number:g}s"
