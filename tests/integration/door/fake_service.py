"""A gRPC service that answers as a test tells it, whatever is asked: what real ones do only when something is wrong."""
import base64
import contextlib
import socket
import threading

from frames import Gone, Server

SILENCE = "silence"  # as an answer: none ever


class FakeService:
    """Listens on the unix socket `path` from its making on. `answer`: (message, trailers), or SILENCE."""

    def __init__(self, path):
        self.answer = (b"", [("grpc-status", "0")])
        self.asked = []  # the headers of each call
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[sock], daemon=True).start()

    def _serve(self, sock):
        with sock, contextlib.suppress(Gone, OSError):
            server = Server(sock)
            for stream, heard in server.requests():
                self.asked.append(heard.headers)
                if self.answer is not SILENCE:
                    server.answer(stream, *self.answer)


def failing(code, message, details=b""):
    """An answer without a message."""
    trailers = [("grpc-status", str(code)), ("grpc-message", message)]
    if details:
        trailers.append(("grpc-status-details-bin", base64.b64encode(details).decode().rstrip("=")))
    return None, trailers
