"""A city on one machine, all of it in one folder: Kafka, Redis, the object store, the services and the door, started in this order and
stopped in the other.

The folder holds
  city.json           where everything is, while the city runs (for people, civicctl and tests)
  installation.json   what is fixed once the city is founded, and how far it has come
  keys/               development keys (civicctl keys), the services' own secrets, who may into the stores (logins.py)
  kafka/  objects/    the log, and photos and recordings: what must not be lost
  log/  pid/          of each part
  envoy/              the configuration of the door as it runs
"""
import hashlib
import http.client
import json
import pathlib
import secrets
import socket
import subprocess
import sys

import broker
import logins
import objects
from processes import Broken, Part, Parts, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVOY = ROOT / ".run/tools/envoy/lib"
MAX_SOCKET_PATH = 107  # of the kernel
# As in services/civicctl/keys.h.
ISSUER = "https://id.civicmesh.test"
AUDIENCE = "civicmesh"
# By kind of client: only citizens' apps, only the console, only other agencies. A token for one of these is worth what such a
# client may do, whoever holds it.
AUDIENCES = {"citizen": "civicmesh-citizens", "staff": "civicmesh-staff", "agency": "civicmesh-agencies"}
# By file in keys/: the variable in which the services expect it (or with _FILE after its name, the file).
SECRETS = {"body_key": "CIVICMESH_BODY_KEY", "receipt_keys": "CIVICMESH_RECEIPT_KEYS",
           "person_key": "CIVICMESH_PERSON_KEY", "seal_key": "CIVICMESH_DEV_SEAL_KEY",
           "voucher_secret": "CIVICMESH_VOUCHER_SECRET", "master_keys": "CIVICMESH_MASTER_KEYS"}
# What a city that was founded before it was asked for gets later: nothing was made with another one yet.
LATER_SECRETS = ("master_keys", "media_ticket_keys")
# Where there is an object store, by service: the variables of its users' logins.
OBJECT_LOGINS = {"media": {"CIVICMESH_OBJECTS_UPLOADS": "uploads", "CIVICMESH_OBJECTS_MEDIA": "media", "CIVICMESH_OBJECTS_LINKS": "links"},
                 "intake": {"CIVICMESH_OBJECTS_LINKS": "links"}, "dispatch": {"CIVICMESH_OBJECTS_LINKS": "links"}}


class Unusable(Exception):
    """What was asked cannot be done with this folder; the message says why."""


def all_services():
    return (ROOT / "services/services.txt").read_text(encoding="ascii").split()


def envoy_program():
    return next(ENVOY.glob("python*/site-packages/envoy/_bin/envoy"))


def envoy_command(file):
    """Envoy by its configuration. Of requests it logs nothing but what the access log says: its own words name their paths,
    as those of a body that is too large, and paths name persons' things."""
    return [str(envoy_program()), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "warning",
            "--component-log-level", ",".join(f"{part}:off" for part in ("http", "http2", "filter", "router", "jwt", "rbac"))]


def ask_unix(path, question):
    """The body that GET `question` brings from the unix socket at `path`, None where it does not say 200."""
    connection = http.client.HTTPConnection("unix", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(str(path))
        connection.request("GET", question)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if answer.status == 200 else None


class City:
    def __init__(self, folder, binaries):
        self.folder = pathlib.Path(folder).resolve()
        if len(str(self.folder / "objects/filer.sock")) > MAX_SOCKET_PATH:  # the longest
            raise Unusable(f"{self.folder} is too long for unix sockets: choose a shorter --data")
        self.binaries = pathlib.Path(binaries).resolve()
        self.parts = Parts(self.folder)
        self.keys = self.folder / "keys"
        self.installation = self._read("installation.json") or {}
        self.founded = bool(self.installation)  # before this run
        self.jwks, self.jwks_authorities = str(self.keys / "jwks.json"), ""  # a URL, where deploy/up was told one
        self._guard = None
        self.objects = self._objects_at(self.installation["objects_ports"]) if self.parts.pid("objects") else None

    # What is fixed once the city is founded.

    def found(self, **asked):
        """Fixes what is asked, by name a pair (value, what it is where nobody asks); refuses to change what is fixed."""
        for name, (value, otherwise) in asked.items():
            fixed = self.installation.setdefault(name, otherwise if value is None else value)
            if value is not None and value != fixed:
                raise Unusable(f"the city in {self.folder} has {name} {fixed or 'of the sample'}, not {value}: that is another "
                               "installation (--data), or begin anew (deploy/down --purge)")
        self.note()

    def note(self, **what):
        """Remembers how far the city has come."""
        self.installation.update(what)
        (self.folder / "installation.json").write_text(json.dumps(self.installation, indent=1) + "\n", encoding="utf-8")

    def forget(self, *names):
        """As if none of these had been fixed."""
        for name in names:
            self.installation.pop(name, None)
        self.note()

    # Its parts.

    def start_stores(self, with_objects=False):
        """Redis, and Kafka and the object store at the same ports as before where these are free."""
        if not self.parts.pid("kafka"):
            for name in ("kafka_port", "controller_port"):
                if not broker.is_free(self.installation.get(name, 0)) or not self.installation.get(name):
                    self.note(**{name: broker.free_port()})
        port = self.installation["kafka_port"]
        broker.start_kafka(self.parts, port, self.installation["controller_port"], self.guard)
        if with_objects:
            self._start_objects()
        broker.start_redis(self.parts, self.guard)
        broker.await_kafka(self.parts, port, self.guard)
        if with_objects:
            self.objects.await_ready(self.parts)

    def _start_objects(self):
        ports = self.installation.get("objects_ports")
        if not self.parts.pid("objects") and not (ports and all(map(broker.is_free, ports.values()))):
            ports = objects.free_ports()
            self.note(objects_ports=ports)
        self.keys.mkdir(exist_ok=True)
        self.objects = self._objects_at(ports)
        self.objects.start(self.parts)

    def restore(self, backup):
        """Before any service has been started. One that was made without objects has none to restore."""
        options = [f"--kafka={self.kafka}", f"--shards={self.installation['shards']}"]
        if (backup / "objects").exists():
            if not self.objects:
                raise Unusable("the backup has objects: restore it into a city with an object store (--objects)")
            options += [f"--objects={self.objects.url}", f"--objects-login-file={self.objects.login_file('media')}"]
        self.civicctl("restore", *options, backup)

    def _objects_at(self, ports):
        return objects.Objects(self.folder / "objects", self.keys / "objects", ports)

    @property
    def guard(self):
        """Who may into the stores; None in a city that was founded without logins, which goes on so."""
        if not self._guard and self.installation.get("logins"):
            self.keys.mkdir(exist_ok=True)
            self._guard = logins.Logins(self.keys, [*all_services(), "webhooks"])
        return self._guard

    def civicctl(self, *arguments, **popen):
        """Runs it, as operator of Kafka."""
        run([self.binaries / "civicctl", *arguments], env=self.access(logins.OPERATOR), **popen)

    def access(self, user):
        """By which variables a program of ours comes into the stores."""
        if not self.guard:
            return {}
        return {"CIVICMESH_KAFKA_SECURITY_FILE": str(self.guard.kafka_file(user)),
                "CIVICMESH_REDIS_LOGIN_FILE": str(self.guard.redis_file(user))}

    def apply_access(self):
        if self.guard:
            self.civicctl("access", "apply", f"--kafka={self.kafka}", stdout=subprocess.DEVNULL)

    def make_keys(self):
        """A city that is there already keeps what it has: another key would not open what the old one sealed. It is there once
        it has a signing key, which therefore comes last."""
        self.keys.mkdir(exist_ok=True)
        founded = (self.keys / "signing-key.pem").exists()
        for secret in map(self.keys.joinpath, LATER_SECRETS if founded else {*SECRETS, *LATER_SECRETS}):
            if not secret.exists():
                secret.write_text(secrets.token_hex(32), encoding="ascii")
        run([self.binaries / "civicctl", "keys", f"--out={self.keys}"], stdout=subprocess.DEVNULL)

    def make_open311(self, port):
        """What a new city says of its Open311 API, and the key of an app to try it out with. From then on the file is the
        operators': intake reads it again when it changes."""
        if (self.keys / "open311.json").exists():
            return
        key = secrets.token_hex(32)
        (self.keys / "open311_key").write_text(key, encoding="ascii")
        (self.keys / "open311.json").write_text(json.dumps({
            "url": f"http://127.0.0.1:{port}/open311/v2", "type": "test", "changeset": "2026-11-29 12:00",
            "contact": "whoever has run deploy/up", "key_service": "keys/open311_key in the city's folder",
            "clients": [{"subject": "app-sample", "sha256": hashlib.sha256(key.encode()).hexdigest(), "reads_own": True}]},
            indent=1) + "\n", encoding="utf-8")

    def token(self, subject, hours):
        return subprocess.run([self.binaries / "civicctl", "token", f"--keys={self.keys}", f"--subject={subject}",
                               f"--hours={hours}"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def publish_roster(self, file):
        """Once: from then on it is the operators' (civicctl roster)."""
        if self.installation.get("roster") != "published":
            self.civicctl("roster", f"--kafka={self.kafka}", file, stdout=subprocess.DEVNULL)
            self.note(roster="published")

    def choose_port(self, wanted):
        """Of the door, before anything is told of it; where any will do, the one of before while it is free."""
        port = wanted or self.installation.get("door_port", 0)
        if not wanted and not self.parts.pid("envoy") and not (port and broker.is_free(port)):
            port = broker.free_port()
        self.note(door_port=port)

    def _uses_objects(self, name):
        """By which variables a service comes to the object store, takes uploads and links them."""
        if not self.objects or name not in OBJECT_LOGINS:
            return {}
        files = {variable: self.objects.login_file(user) for variable, user in OBJECT_LOGINS[name].items()}
        files["CIVICMESH_MEDIA_TICKET_KEYS"] = self.keys / "media_ticket_keys"
        return {**{f"{variable}_FILE": str(file) for variable, file in files.items()}, "CIVICMESH_OBJECTS_URL": self.objects.url,
                "CIVICMESH_OBJECTS_PUBLIC_URL": f"http://127.0.0.1:{self.installation['door_port']}"}

    def start_services(self, names):
        for name in names:
            program = self.binaries / f"civicmesh-{name}"
            if not program.exists():
                raise Unusable(f"there is no {program}")
            self.parts.start(Part(name, [
                str(program), *self._flags(name)], env={**{f"{variable}_FILE": str(file) for variable, file in self._secrets().items()}, **self.access(name),
                    **self._uses_objects(name), "CIVICMESH_OPEN311": str(self.keys / "open311.json")},
                reads=self._reads(name)))

    def _flags(self, name):
        """Those of every service."""
        return [f"--listen=unix:{self._socket(name)}", f"--kafka={self.kafka}", f"--redis=unix:{self.redis}",
                f"--shards={self.installation['shards']}", f"--clock={self.installation['clock']}",
                *self._key_set(name), f"--issuer={ISSUER}", f"--audience={AUDIENCE}",
                *(f"--{kind}_audience={audience}" for kind, audience in AUDIENCES.items()),
                *(["--development_tokens"] if self.installation.get("development_tokens") else [])]

    def _key_set(self, name):
        """Where a service gets it, and where it keeps what it got."""
        if self.jwks == str(self.keys / "jwks.json"):
            return [f"--jwks={self.jwks}"]
        kept = self.folder / "issuer"
        kept.mkdir(mode=0o700, exist_ok=True)
        return [f"--jwks={self.jwks}", f"--jwks_kept_in={kept / name}.json", f"--jwks_authorities={self.jwks_authorities}"]

    def start_webhooks(self):
        for name in self.controlled():
            self.parts.start(Part(name, [str(self.binaries / f"civicmesh-{name}"), *self._flags(name),
                                         f"--subscriptions={self.folder / 'webhooks.json'}"],
                                  env=self.access(name), reads=self._reads(name)))

    def controlled(self):
        """What runs besides the services and is asked for its metrics as they are: webhooks, where somebody has written who is to
        be told (services/webhooks/README.md)."""
        return ["webhooks"] if (self.folder / "webhooks.json").exists() else []

    def _secrets(self):
        """By variable the file of the secret, of those that are there."""
        return {variable: file for secret, variable in SECRETS.items() if (file := self.keys / secret).exists()}

    def _reads(self, name):
        """What a service starts anew for when it changes: a secret, a password."""
        uses = self._uses_objects(name)
        files = [*self._secrets().values(), *self.access(name).values(), *(uses[key] for key in uses if key.endswith("_FILE"))]
        return "".join([*(pathlib.Path(file).read_text(encoding="ascii") for file in files), *uses.values()])

    def redis_cli(self, *command):
        """What Redis answers to its operator."""
        asks, env = broker.redis_cli(self.redis, self.guard)
        return subprocess.run([*asks, *command], env=env, capture_output=True, text=True, check=True).stdout

    def kcat(self, *arguments, user=logins.OPERATOR):
        """The command of kcat as that user."""
        login = ["-F", str(self.guard.kafka_file(user))] if self.guard else []
        return ["kcat", *login, "-b", self.kafka, *arguments]

    def start_door(self, names, console_origin=""):
        """Pages of `console_origin` may read its answers."""
        # Here, because deploy/up may have installed what they need only now.
        sys.path.insert(0, str(ROOT / "deploy/envoy"))
        import config  # pylint: disable=import-outside-toplevel
        import protos  # pylint: disable=import-outside-toplevel
        folder = self.folder / "envoy"
        folder.mkdir(exist_ok=True)
        try:
            says = protos.Protos(names, self.controlled())
        except protos.ProtoError as error:
            raise Unusable(str(error)) from None
        (folder / "civicmesh.pb").write_bytes(says.set_bytes)
        text = json.dumps(config.make_config(says, config.Place(
            port=self.installation["door_port"], sockets={name: str(self._socket(name)) for name in says.services}, admin=str(self._socket("envoy")),
            descriptors=str(folder / "civicmesh.pb"), access_log=str(self.parts.log("access")),
            jwks=self.jwks, issuer=ISSUER, audiences=(AUDIENCE, *AUDIENCES.values()), agency_audience=AUDIENCES["agency"],
            console_origin=console_origin, objects=str(self.objects.socket) if self.objects else "",
            **({"jwks_authorities": self.jwks_authorities} if self.jwks_authorities else {}))), indent=1)
        (folder / "envoy.json").write_text(text, encoding="ascii")
        self.parts.start(Part("envoy", envoy_command(folder / "envoy.json"), reads=text))
        self.parts.await_ready("envoy", lambda: self._ask_envoy("/ready") is not None, broker.PATIENCE)

    def await_services(self, names):
        """Until each serves all of its shards, asked through the door."""
        token = self.token("civicctl", hours=1)
        for name in names:
            self.parts.await_ready(name, lambda service=name: self._serves(service, token), broker.PATIENCE)

    @property
    def kafka(self):
        return f"127.0.0.1:{self.installation['kafka_port']}"

    @property
    def redis(self):
        return self.folder / "redis.sock"

    @property
    def door(self):
        """The address of the running door."""
        listeners = json.loads(self._ask_envoy("/listeners?format=json"))
        address = listeners["listener_statuses"][0]["local_address"]["socket_address"]
        return f"http://{address['address']}:{address['port_value']}"

    def describe(self, names):
        """Writes city.json and returns it."""
        city = {"door": self.door, "kafka": self.kafka, "redis": str(self.redis), "keys": str(self.keys),
                "logins": self.access(logins.OPERATOR),
                "issuer": ISSUER, "audience": AUDIENCE, "audiences": AUDIENCES, "shards": self.installation["shards"],
                "clock": self.installation["clock"], "envoy_admin": str(self._socket("envoy")),
                "sockets": {name: str(self._socket(name)) for name in [*names, *self.controlled()]}, "pids": self.parts.running(),
                "logs": str(self.folder / "log")}
        if self.objects:
            city["objects"] = {"url": self.objects.url, "logins": {user: str(self.objects.login_file(user)) for user in objects.USERS}}
        (self.folder / "city.json").write_text(json.dumps(city, indent=1) + "\n", encoding="ascii")
        return city

    def stop(self):
        """The door first, so that nobody is let in any more; the stores last. Returns what ran."""
        running = list(self.parts.running())
        stores = ("redis", "kafka")
        for together in (["envoy"], [name for name in running if name not in ("envoy", "objects", *stores)], stores):
            self.parts.stop(*together)
        if "objects" in running:
            self._objects_at(self.installation["objects_ports"]).stop(self.parts)
        (self.folder / "city.json").unlink(missing_ok=True)
        return running

    def _socket(self, name):
        return self.folder / f"{name}.sock"

    def _serves(self, service, token):
        """Healthy by its own word, and serving every shard that it has, asked through the door."""
        if not self.healthy(service):
            return False
        try:
            connection = http.client.HTTPConnection(self.door.removeprefix("http://"), timeout=5)
            connection.request("GET", f"/v1/control/{service}/shards", headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            return False
        if answer.status in (401, 403, 404):
            raise Broken(f"{service} is not reached through the door: {answer.status} {body.decode()}")
        return answer.status == 200 and all(shard["serving"] for shard in json.loads(body)["shards"])

    def healthy(self, service):
        """grpc.health.v1.Health/Check of the empty name: an empty request, and SERVING (field 1 is 1) for an answer."""
        asked = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--max-time", "5", "--unix-socket", self._socket(service),
                                "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@-",
                                "http://service/grpc.health.v1.Health/Check"], input=bytes(5), capture_output=True, check=False)
        return asked.stdout == b"\0\0\0\0\x02\x08\x01"

    def _ask_envoy(self, path):
        return ask_unix(self._socket("envoy"), path)

    def _read(self, name):
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
