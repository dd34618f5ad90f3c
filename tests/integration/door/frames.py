"""HTTP/2 by its frames, on a socket: what a client library would not send for us. Debian's hyperframe and hpack know how a
frame and a header block are written; when to send which is our own."""
import dataclasses
import socket

import hpack
from hyperframe import frame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW = 1 << 24
FIRST_WINDOW = 65535  # of a stream and of a connection, until the other side says otherwise (it does: at least as much)


class Gone(Exception):
    """The other side has closed the connection, or said that it will (GOAWAY)."""


@dataclasses.dataclass
class Heard:
    """What came on one stream."""

    headers: dict = dataclasses.field(default_factory=dict)  # trailers too
    body: bytes = b""
    ended: bool = False
    reset: int | None = None  # the error code

    @property
    def status(self):
        return int(self.headers.get(":status", 0))

    @property
    def grpc_status(self):
        return int(self.headers.get("grpc-status", -1))


class Frames:
    """Both sides of a connection after the preface. Not for several threads at once."""

    def __init__(self, sock):
        self.sock = sock
        self.encoder, self._decoder = hpack.Encoder(), hpack.Decoder()
        self._rest = b""
        self._block = {}  # by stream: the header block so far

    def send(self, *many):
        self.send_bytes(b"".join(one.serialize() for one in many))

    def send_bytes(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone("closed while we sent") from error

    def headers(self, stream, headers, flags=("END_HEADERS",)):
        return frame.HeadersFrame(stream, data=self.encoder.encode(list(headers), huffman=False), flags=list(flags))

    def data(self, stream, body, end=True):
        """As many frames as `body` needs, whether the other side has a window for them or not."""
        pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)] or [b""]
        return [frame.DataFrame(stream, piece, flags=["END_STREAM"] if end and piece is pieces[-1] else []) for piece in pieces]

    def next(self):
        """The next frame; SETTINGS and PING are answered. Raises Gone, TimeoutError."""
        head = self._read(9)
        one, length = frame.Frame.parse_frame_header(memoryview(head))
        one.parse_body(memoryview(self._read(length)))
        if isinstance(one, frame.SettingsFrame) and "ACK" not in one.flags:
            self.send(frame.SettingsFrame(flags=["ACK"]))
        elif isinstance(one, frame.PingFrame) and "ACK" not in one.flags:
            self.send(frame.PingFrame(opaque_data=one.opaque_data, flags=["ACK"]))
        elif isinstance(one, frame.GoAwayFrame) and one.error_code:
            raise Gone(f"GOAWAY {one.error_code} {one.additional_data!r}")
        return one

    def hear(self, one, heard):
        """Notes a frame of a stream."""
        if isinstance(one, frame.RstStreamFrame):
            heard.reset = one.error_code
        elif isinstance(one, (frame.HeadersFrame, frame.ContinuationFrame)):
            block = self._block.pop(one.stream_id, b"") + one.data
            if "END_HEADERS" in one.flags:
                heard.headers.update(self._decoder.decode(block))
            else:
                self._block[one.stream_id] = block
        elif isinstance(one, frame.DataFrame):
            heard.body += one.data
        heard.ended |= "END_STREAM" in one.flags

    def _read(self, length):
        while len(self._rest) < length:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Gone("closed")
            self._rest += more
        head, self._rest = self._rest[:length], self._rest[length:]
        return head


class Client(Frames):
    """`address`: a (host, port), or the path of a unix socket. `settings` in hyperframe's numbers."""

    def __init__(self, address, settings=None, timeout=30, source=None):
        sock = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
        sock.settimeout(timeout)
        if source:
            sock.bind((source, 0))
        sock.connect(address)
        if isinstance(address, tuple):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock)
        self.streams = {}
        self._room = {}  # by stream, and of the connection (0): the bytes that may still be sent
        self.send_bytes(PREFACE)
        self.send(frame.SettingsFrame(settings={frame.SettingsFrame.INITIAL_WINDOW_SIZE: WINDOW, **(settings or {})}),
                  frame.WindowUpdateFrame(0, window_increment=WINDOW))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ask(self, method, path, headers=(), body=None):
        """Begins a call, all of it; returns its stream."""
        stream = 2 * len(self.streams) + 1
        self.streams[stream] = Heard()
        about = [(":method", method), (":scheme", "http"), (":authority", "door.test"), (":path", path), *headers]
        if body is None:
            self.send(self.headers(stream, about, ("END_HEADERS", "END_STREAM")))
        else:
            self.send(self.headers(stream, about))
            self._send_body(stream, body)
        return stream

    def _send_body(self, stream, body):
        """As the other side has room for it; stops where it is answered before."""
        heard = self.streams[stream]
        for piece in self.data(stream, body):
            while min(self._room.get(stream, FIRST_WINDOW), self._room.get(0, FIRST_WINDOW)) < len(piece.data):
                if heard.ended or heard.reset is not None:
                    return
                self._note(self.next())
            for whose in (0, stream):
                self._room[whose] = self._room.get(whose, FIRST_WINDOW) - len(piece.data)
            self.send(piece)

    def _note(self, one):
        if isinstance(one, frame.WindowUpdateFrame):
            self._room[one.stream_id] = self._room.get(one.stream_id, FIRST_WINDOW) + one.window_increment
        elif one.stream_id in self.streams:
            self.hear(one, self.streams[one.stream_id])

    def answer(self, stream):
        """What comes on it until it ends. Raises Gone, TimeoutError."""
        heard = self.streams.setdefault(stream, Heard())
        while not heard.ended and heard.reset is None:
            self._note(self.next())
        return heard

    def grpc(self, path, message=b"", headers=(), content_type="application/grpc", flag=0):
        """A unary call; the body of the answer is its message."""
        framed = bytes([flag]) + len(message).to_bytes(4, "big") + message
        heard = self.answer(self.ask("POST", path, [("content-type", content_type), ("te", "trailers"), *headers], framed))
        if content_type == "application/grpc" and heard.body:
            heard.body = heard.body[5:]
        return heard


class Server(Frames):
    """The other side of an accepted connection."""

    def __init__(self, sock):
        super().__init__(sock)
        if self._read(len(PREFACE)) != PREFACE:
            raise Gone("no HTTP/2")
        self.send(frame.SettingsFrame(settings={frame.SettingsFrame.INITIAL_WINDOW_SIZE: WINDOW,
                                                frame.SettingsFrame.MAX_CONCURRENT_STREAMS: 1000}),
                  frame.WindowUpdateFrame(0, window_increment=WINDOW))

    def requests(self):
        """Each (stream, what was heard) once it is whole, until the other side goes."""
        under_way = {}
        while True:
            try:
                one = self.next()
            except (Gone, TimeoutError, OSError):
                return
            if one.stream_id == 0:
                continue
            heard = under_way.setdefault(one.stream_id, Heard())
            self.hear(one, heard)
            if heard.ended:
                yield one.stream_id, under_way.pop(one.stream_id)

    def answer(self, stream, message, trailers):
        """A message (None: none) and the end of the call."""
        first = self.headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        body = [] if message is None else self.data(stream, b"\0" + len(message).to_bytes(4, "big") + message, end=False)
        self.send(first, *body, self.headers(stream, trailers, ("END_HEADERS", "END_STREAM")))
