"""HTTP/1.1 by its bytes: requests that a client library would not send for us."""
import json
import re
import socket

END = b"\r\n\r\n"


def connect(address, timeout=30, source=None):
    """`source`: from which of this machine's addresses (127.0.0.0/8 are all its own)."""
    sock = socket.create_connection(address, timeout, (source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def head(method, path, *lines):
    """`path` and `lines` as they are, bytes or text."""
    as_bytes = lambda text: text if isinstance(text, bytes) else text.encode("latin-1")
    return b"\r\n".join([as_bytes(method) + b" " + as_bytes(path) + b" HTTP/1.1", b"host: door.test", *map(as_bytes, lines), b"", b""])


class Answer:
    """One response. `status` is 0 where there was none."""

    def __init__(self, first=b"", body=b""):
        found = re.match(rb"HTTP/1\.1 ([0-9]{3})", first)
        self.status = int(found[1]) if found else 0
        lines = (line.partition(b":") for line in first.split(b"\r\n")[1:])
        self.headers = {name.decode().lower(): value.strip().decode() for name, _, value in lines}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def reason(self):
        """Of google.rpc.ErrorInfo; None where the body is no google.rpc.Status."""
        try:
            return next(detail["reason"] for detail in self.json["details"] if detail["@type"].endswith("ErrorInfo"))
        except (ValueError, KeyError, TypeError, StopIteration):
            return None


def read_all(sock, enough=1):
    """The responses until there are `enough`, or the other side closes; then whether it has closed. Raises TimeoutError."""
    answers, rest, closed = [], b"", False
    while len(answers) < enough and not closed:
        try:
            more = sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            more = b""
        closed = not more
        rest += more
        while END in rest:
            first, _, body = rest.partition(END)
            if (length := _length(first, body, closed)) is None:
                break
            if not first.startswith(b"HTTP/1.1 100"):
                answers.append(Answer(first, body[:length]))
            rest = body[length:]
    return answers, closed


def _length(first, body, closed):
    """Of the body, None where it is not all there."""
    if found := re.search(rb"\r\ncontent-length: ([0-9]+)", first):
        return int(found[1]) if len(body) >= int(found[1]) else None
    if b"\r\ntransfer-encoding: chunked" in first:
        end = body.find(b"0\r\n\r\n")
        return end + 5 if end >= 0 else None
    return 0 if first.startswith(b"HTTP/1.1 100") or closed else len(body)


def exchange(address, data, timeout=30, source=None):
    """The first answer to `data`, an empty one where it was not answered. The other side may close before it has heard all."""
    with connect(address, timeout, source) as sock:
        try:
            sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            pass
        answers, _ = read_all(sock)
        return answers[0] if answers else Answer()
