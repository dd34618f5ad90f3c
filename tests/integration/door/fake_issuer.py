"""An issuer of tokens that publishes its keys over https, by a certificate that it has made itself, and does so well or badly."""
import contextlib
import datetime
import http.server
import json
import pathlib
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tokens import public_jwk


def key_set(**keys):
    """By kid a private key (PEM): the set with the public ones."""
    return json.dumps({"keys": [{**public_jwk(key), "kid": kid, "alg": "ES256", "use": "sig"} for kid, key in keys.items()]}).encode()


class FakeIssuer:
    """`answer`: what it says, in bytes, or what tells so when it is called; `status`: with which status of HTTP; `asked`: how often
    it was. Its certificate is in `folder`."""

    def __init__(self, folder):
        self.answer, self.status, self.asked = b"", 200, 0
        self.authorities = pathlib.Path(folder) / "issuer.pem"
        self._key = self.authorities.with_suffix(".key")
        _certify(self.authorities, self._key)
        self._server, self._port = None, 0
        self.come()

    @property
    def url(self):
        return f"https://localhost:{self._port}/jwks.json"

    def come(self):
        """At the same port as before."""
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                issuer.asked += 1
                body = issuer.answer() if callable(issuer.answer) else issuer.answer
                self.send_response(issuer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked may have had enough
                    self.wfile.write(body)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authorities, self._key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def go(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _certify(certificate, private):
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]), datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256()))
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
