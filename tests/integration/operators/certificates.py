"""Certificates of openssl, as an installation would have it make them."""
import subprocess

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, folder, name):
        self._folder, self._key, self.certificate = folder, folder / f"{name}.key", folder / f"{name}.pem"
        _openssl("req", "-x509", *EC, "-days", "2", "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate)

    def sign(self, name, of="IP:127.0.0.1"):
        """A file NAME.both: a key with its certificate of an address or host."""
        key, request, certificate, both = (self._folder / f"{name}.{end}" for end in ("key", "csr", "crt", "both"))
        _openssl("req", *EC, "-subj", f"/CN={name}", "-addext", f"subjectAltName={of}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", "2",
                 "-copy_extensions", "copyall", "-out", certificate)
        both.touch(mode=0o600)
        both.write_text(key.read_text() + certificate.read_text())
        return both
