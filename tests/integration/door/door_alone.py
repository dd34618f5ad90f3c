"""The door in front of services that are not there, or that answer as a test says: with limits that are soon reached."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import jwt

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "deploy/envoy"), str(ROOT / "deploy/city"), str(ROOT / "tests/integration")]
import config  # noqa: E402
import limits  # noqa: E402
import protos  # noqa: E402
import routes  # noqa: E402
import plain  # noqa: E402
from city import AUDIENCE, ISSUER, ask_unix, envoy_command  # noqa: E402
from fake_service import FakeService  # noqa: E402
from processes import Part, Parts  # noqa: E402
from town import BIN  # noqa: E402

CONSOLE = "https://console.city.test"
LIST_CASES = "/civicmesh.dispatch.v1.DispatchService/ListCases"
ACCEPT_CASE = "/civicmesh.dispatch.v1.DispatchService/AcceptCase"


def make(folder, services, of=limits.Limits(), controlled=(), **place):
    """What the protos say, and the configuration, of a door in `folder`."""
    subprocess.run([BIN / "civicctl", "keys", "--out", folder / "keys"], check=True, stdout=subprocess.DEVNULL)
    says = protos.Protos(services, controlled)
    (folder / "log").mkdir(exist_ok=True)
    (folder / "set.pb").write_bytes(says.set_bytes)
    return says, config.make_config(says, config.Place(
        port=0, sockets={name: str(folder / name) for name in says.services}, admin=str(folder / "admin"),
        descriptors=str(folder / "set.pb"), access_log=str(folder / "log/access.log"),
        **{"jwks": str(folder / "keys/jwks.json"), "issuer": ISSUER, "audiences": (AUDIENCE,), **place}), of)


def keep_accepting(made):
    """So that a full door can be heard."""
    actions = made["overload_manager"]["actions"]
    actions[:] = [action for action in actions if not action["name"].endswith("stop_accepting_connections")]


def until_overloaded(door):
    """The first answer that is another than usual; the last one after twenty seconds."""
    until = time.monotonic() + 20
    while (answer := door.get("/v1/cases", door.bearer())).status == 200 and time.monotonic() < until:
        time.sleep(0.1)  # it looks at its memory four times a second
    return answer


def manager_of(made):
    return made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


class DoorAlone:
    """A running door. `change` may change its configuration before; `fakes`: the services that answer."""

    def __init__(self, services=("dispatch",), fakes=("dispatch",), change=None, of=limits.Limits(), **place):
        self._folder = tempfile.TemporaryDirectory(prefix="door-")
        self.folder = pathlib.Path(self._folder.name)
        self.parts = Parts(self.folder)
        self.says, made = make(self.folder, list(services), of, **place)
        if change:
            change(made)
        self.fakes = {name: FakeService(self.folder / name) for name in fakes}
        file = self.folder / "envoy.json"
        file.write_text(json.dumps(made), encoding="ascii")
        self.parts.start(Part("envoy", envoy_command(file)))
        self.parts.await_ready("envoy", lambda: self.admin("/ready") is not None, 60)
        listener = json.loads(self.admin("/listeners?format=json"))["listener_statuses"][0]
        self.address = ("127.0.0.1", listener["local_address"]["socket_address"]["port_value"])
        self.key = (self.folder / "keys/signing-key.pem").read_text()
        self.kid = json.loads((self.folder / "keys/jwks.json").read_text())["keys"][0]["kid"]

    def stop(self):
        """Its files stay until `remove`."""
        self.parts.stop("envoy")

    def remove(self):
        self.stop()
        for fake in self.fakes.values():
            fake.close()
        self._folder.cleanup()

    def admin(self, question):
        return ask_unix(self.folder / "admin", question)

    def bearer(self):
        """A header with a token that opens every route."""
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "roles": ["OPERATOR"], "exp": int(time.time()) + 600}
        return ("authorization", "Bearer " + jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.kid}))

    def get(self, path, *headers, method="GET", **how):
        return plain.exchange(self.address, plain.head(method, path, *(f"{name}: {value}" for name, value in headers)), **how)
