"""A door that says UNAVAILABLE to the first calls of each method, and then answers, or never does: whether a client asks again,
how, and how long it waits."""
import concurrent.futures
import contextlib
import threading

import grpc


class FlakyDoor(grpc.GenericRpcHandler):
    """`answers`: the bytes of the answer by method, as "SubmitReport"; a method without one is never answered. `calls`: (method,
    bytes of the request, metadata) of every call, in order."""

    def __init__(self, answers, failures):
        self.calls = []
        self._answers, self._failures = answers, failures
        self._closing = threading.Event()

    @contextlib.contextmanager
    def listening(self):
        """Its address."""
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[self])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            self._closing.set()
            server.stop(None)

    def service(self, handler_call_details):
        method = handler_call_details.method.rsplit("/", 1)[1]

        def answer(request, context):
            self.calls.append((method, request, dict(context.invocation_metadata())))
            if sum(call[0] == method for call in self.calls) <= self._failures:
                context.abort(grpc.StatusCode.UNAVAILABLE, "unknown: retry with the same request_id")
            if method not in self._answers:
                self._closing.wait()
                context.abort(grpc.StatusCode.CANCELLED, "closing")
            return self._answers[method]

        return grpc.unary_unary_rpc_method_handler(answer)
