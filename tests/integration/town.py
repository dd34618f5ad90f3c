"""What the tests of a whole city share: a city without reports in a folder of its own, as deploy/up makes it.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import jwt

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])
sys.path.insert(0, str(ROOT / "deploy/city"))
import city as cities  # pylint: disable=wrong-import-position


def new_request_id():
    """A UUIDv7."""
    text = f"{time.time_ns() // 1000000 << 80 | 7 << 76 | int.from_bytes(os.urandom(9), 'big') | 2 << 62:032x}"
    text = text[:12] + "7" + text[13:16] + "8" + text[17:]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def know_persons_alike(folder):
    """Gives a city that is not there yet the key that all tests share: persons have the same tokens in two that are compared."""
    keys = pathlib.Path(folder) / "keys"
    keys.mkdir(mode=0o700, parents=True)
    (keys / "person_key").touch(mode=0o600)
    (keys / "person_key").write_text("the persons of our tests", encoding="ascii")


class Town:
    """`options`: more of deploy/up; `keys`: a folder with those of another city, which it takes over. Where it does not come
    up, nothing of it is left."""

    def __init__(self, prefix, *options, keys=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self._options = options
        if keys:
            shutil.copytree(keys, self.folder / "keys")
        else:
            know_persons_alike(self.folder)
        try:
            self.revive()
        except BaseException:
            self.remove()
            raise
        self.city = cities.City(self.folder, BIN)

    def revive(self):
        """Starts what does not run."""
        self.run(ROOT / "deploy/up", f"--bin={BIN}", f"--data={self.folder}", "--port=0", "--no-replay", *self._options)

    def remove(self):
        """Nothing where that was done."""
        if not self.folder.exists():
            return
        subprocess.run([ROOT / "deploy/down", f"--data={self.folder}", "--purge"], stdout=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def access(self):
        """The environment of a program that comes into the city's stores as their operator."""
        try:
            return {**os.environ, **json.loads((self.folder / "city.json").read_text())["logins"]}
        except FileNotFoundError:
            return None

    def run(self, *command):
        """What it prints, in bytes. Raises AssertionError with all of that where it fails."""
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, env=self.access())
        if done.returncode:
            raise AssertionError((done.stdout + done.stderr).decode(errors="replace"))
        return done.stdout


class AskedTown(Town):
    """Knows its tokens, and asks at its door over HTTP."""

    def __init__(self, prefix, *options, keys=None):
        super().__init__(prefix, *options, keys=keys)
        self.claims = {"iss": self.where["issuer"], "aud": self.where["audience"]}
        self.signing_key = (self.folder / "keys/signing-key.pem").read_text()
        self.kid = json.loads((self.folder / "keys/jwks.json").read_text())["keys"][0]["kid"]

    def revive(self):
        super().revive()
        self.where = json.loads((self.folder / "city.json").read_text())

    def token(self, subject, *roles, unit="", key=None, **claims):
        """A development token. Further claims replace the usual ones."""
        now = int(time.time())
        claims = {**self.claims, "sub": subject, "roles": roles, "exp": now + 600, **({"unit": unit} if unit else {}), **claims}
        return jwt.encode(claims, key or self.signing_key, algorithm="ES256", headers={"kid": self.kid})

    def call(self, method, path, body=None, token=None, **headers):
        """The status and the JSON of the answer."""
        try:
            with urllib.request.urlopen(self._request(method, path, body, token, headers), timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def read(self, path, token=None):
        """What GET brings, in bytes."""
        with urllib.request.urlopen(self._request("GET", path, None, token, {}), timeout=30) as answer:
            return answer.read()

    def _request(self, method, path, body, token, headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        return urllib.request.Request(self.where["door"] + path, data=data, headers=headers, method=method)
