"""Who may into the stores of a city: nobody without a password, each user only to what is its own, and no password anywhere
but in its file. Passwords change; a city that was founded without goes on.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from town import BIN, ROOT, Town  # pylint: disable=wrong-import-position
sys.path.insert(0, str(ROOT / "deploy/city"))
import logins  # pylint: disable=wrong-import-position

SERVICES = "dispatch"
SETTINGS = {"shards": 8, "clock": "driven", "standard": "", "development_tokens": False}


class Guarded(Town):
    def __init__(self):
        super().__init__("acc-", f"--services={SERVICES}")

    def login(self, store, user):
        return self.folder / "keys" / store / f"{user}.conf"

    def consume(self, user, topic):
        """The exit code of reading a partition to its end, and what kcat says."""
        return self._kcat(user, "-C", "-e", "-q", "-o", "beginning", "-p", "0", "-t", topic)

    def produce(self, user, topic):
        return self._kcat(user, "-P", "-p", "0", "-t", topic, "-X", "message.timeout.ms=8000")

    def _kcat(self, user, *arguments):
        done = subprocess.run(self.city.kcat(*arguments, user=user), input=b"x", capture_output=True, check=False, timeout=60)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def redis(self, user, *command):
        asks = ["redis-cli", "-s", self.city.redis, *(["--user", user] if user else [])]
        env = {**os.environ, **({"REDISCLI_AUTH": self.city.guard.redis_password(user)} if user else {})}
        return subprocess.run([*asks, *command], env=env, capture_output=True, text=True, check=False).stdout

    def start_alone(self, env):
        """A second dispatch by hand: its exit code and its log; it is ended where it starts."""
        command = [BIN / "civicmesh-dispatch", f"--listen=unix:{self.folder}/second.sock", f"--kafka={self.city.kafka}",
                   f"--redis=unix:{self.city.redis}", f"--jwks={self.folder}/keys/jwks.json", "--issuer=i", "--audience=a"]
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said = process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            process.terminate()
            said = process.communicate()[0]
            return None, said
        return process.returncode, said


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = Guarded()
    unittest.addModuleCleanup(CITY.remove)


class Refused(unittest.TestCase):
    """Who has no password, or a wrong one, is told what to do."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.good = CITY.city.access("dispatch")

    def wrong(self, store):
        file = self.folder / "wrong.conf"
        lines = CITY.login(store, "dispatch").read_text(encoding="ascii").splitlines()
        file.write_text("\n".join(line if not line.split("=")[0].endswith("password") else line.split("=")[0] + "=guess"
                                  for line in lines), encoding="ascii")
        return str(file)

    def refused(self, variable, env, *words):
        code, said = CITY.start_alone(env)
        self.assertEqual(code, 1, said)
        for word in ("refuses to start", "does not let this process in", variable, *words):
            self.assertIn(word, said)

    def test_a_service_without_a_password_for_kafka(self):
        self.refused("CIVICMESH_KAFKA_SECURITY_FILE", {**self.good, "CIVICMESH_KAFKA_SECURITY_FILE": ""}, CITY.city.kafka)

    def test_a_service_with_a_wrong_password_for_kafka(self):
        self.refused("CIVICMESH_KAFKA_SECURITY_FILE", {**self.good, "CIVICMESH_KAFKA_SECURITY_FILE": self.wrong("kafka")},
                     "Authentication failed")

    def test_a_service_without_a_password_for_redis(self):
        self.refused("CIVICMESH_REDIS_LOGIN_FILE", {**self.good, "CIVICMESH_REDIS_LOGIN_FILE": ""}, "NOAUTH")

    def test_a_service_with_a_wrong_password_for_redis(self):
        self.refused("CIVICMESH_REDIS_LOGIN_FILE", {**self.good, "CIVICMESH_REDIS_LOGIN_FILE": self.wrong("redis")}, "WRONGPASS")

    def test_another_services_user_may_not_be_dispatch(self):
        code, said = CITY.start_alone(CITY.city.access("points"))
        self.assertEqual(code, 1, said)
        self.assertIn("civicmesh.dispatch.commands.v1 is not for this user", said)

    def test_a_file_that_is_not_there_or_says_more_than_it_may(self):
        code, said = CITY.start_alone({**self.good, "CIVICMESH_KAFKA_SECURITY_FILE": "/nowhere"})
        self.assertEqual((code, "cannot read /nowhere" in said), (1, True), said)
        file = self.folder / "more.conf"
        file.write_text("acks=0\n", encoding="ascii")
        code, said = CITY.start_alone({**self.good, "CIVICMESH_KAFKA_SECURITY_FILE": str(file)})
        self.assertEqual((code, "acks is no matter of security" in said), (1, True), said)

    def test_the_operators_tool(self):
        for env in ({}, {"CIVICMESH_KAFKA_SECURITY_FILE": self.wrong("kafka")}):
            done = subprocess.run([BIN / "civicctl", "topics", "check", f"--kafka={CITY.city.kafka}"], capture_output=True,
                                  text=True, env={**os.environ, **env}, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("CIVICMESH_KAFKA_SECURITY_FILE", done.stderr)


class EachToItsOwn(unittest.TestCase):
    def test_kafka(self):
        may = [("data", CITY.consume, "dispatch.events"), ("dispatch", CITY.consume, "dispatch.journal"),
               ("dispatch", CITY.consume, "intake.events"), ("analytics", CITY.consume, "points.events"),
               ("dispatch", CITY.produce, "dispatch.parked"), ("points", CITY.consume, "reference.journal")]
        may_not = [("data", CITY.consume, "dispatch.journal"), ("data", CITY.consume, "dispatch.commands"),
                   ("data", CITY.produce, "dispatch.events"), ("data", CITY.consume, "reference.journal"),
                   ("analytics", CITY.consume, "dispatch.journal"), ("analytics", CITY.produce, "dispatch.events"),
                   ("points", CITY.produce, "dispatch.journal"), ("points", CITY.produce, "dispatch.commands"),
                   ("points", CITY.consume, "dispatch.journal"), ("points", CITY.consume, "intake.events"),
                   ("dispatch", CITY.consume, "intake.journal"), ("dispatch", CITY.produce, "reference.journal")]
        for user, does, topic in may:
            with self.subTest(user=user, does=does.__name__, topic=topic):
                code, said = does(user, f"civicmesh.{topic}.v1")
                self.assertEqual(code, 0, said)
        for user, does, topic in may_not:
            with self.subTest(user=user, does=does.__name__, topic=topic):
                code, said = does(user, f"civicmesh.{topic}.v1")
                self.assertNotEqual(code, 0, said)
                self.assertIn("authorization failed", said)

    def test_redis(self):
        key = "civicmesh:dispatch:v1:{0}:meta"
        self.assertIn("@offset", CITY.redis("operator", "hkeys", key) + "@offset")
        self.assertNotIn("NOPERM", CITY.redis("dispatch", "hget", key, "x"))
        for user, command in (("points", ("hget", key, "x")), ("points", ("del", key)), ("dispatch", ("flushall",)),
                              ("dispatch", ("config", "get", "*")), ("dispatch", ("acl", "list")), ("dispatch", ("keys", "*")),
                              ("points", ("publish", "civicmesh:dispatch:replies:x", "forged"))):
            with self.subTest(user=user, command=command):
                self.assertIn("NOPERM", CITY.redis(user, *command))
        self.assertIn("NOAUTH", CITY.redis(None, "hget", key, "x"))


class NoWhereElse(unittest.TestCase):
    def test_files_are_for_their_owner_alone(self):
        for folder in (CITY.folder / "keys", CITY.folder / "keys/kafka", CITY.folder / "keys/redis"):
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700, folder)
        files = [*(CITY.folder / "keys").rglob("*"), CITY.folder / "kafka.properties", CITY.folder / "redis.acl"]
        for file in files:
            if file.is_file():
                self.assertEqual(file.stat().st_mode & 0o077, 0, file)

    def test_no_secret_in_a_command_line_or_a_log(self):
        secrets = [file.read_text(encoding="ascii").strip() for name in ("body_key", "person_key", "seal_key")
                   if (file := CITY.folder / "keys" / name).exists()]
        secrets += CITY.city.guard.kafka_passwords.values()
        secrets += [CITY.city.guard.redis_password(user) for user in ("operator", "dispatch")]
        self.assertGreater(len(secrets), 8)
        pids = json.loads((CITY.folder / "city.json").read_text())["pids"].values()
        places = [pathlib.Path(f"/proc/{pid}/{what}") for pid in pids for what in ("cmdline", "environ")]
        places += [file for file in CITY.folder.rglob("*") if file.is_file() and "keys" not in file.parts and
                   file.name != "kafka.properties"]  # the broker's own, which holds them
        for place in places:
            text = place.read_bytes()
            self.assertEqual([place for secret in secrets if secret.encode() in text], [])


class Changed(unittest.TestCase):
    def test_a_password_that_is_removed_is_made_anew_and_the_old_one_refused(self):
        town = CITY
        old = self_copy(town.login("kafka", "dispatch"))
        before = town.login("redis", "dispatch").read_text(encoding="ascii")
        for store in ("kafka", "redis"):
            town.login(store, "dispatch").unlink()
        pid = town.city.parts.pid("dispatch")
        town.revive()
        self.assertNotEqual(town.city.parts.pid("dispatch"), pid)
        self.assertNotEqual(town.login("redis", "dispatch").read_text(encoding="ascii"), before)
        done = subprocess.run(["kcat", "-F", old, "-b", town.city.kafka, "-L", "-m", "5"], capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("uthentication", done.stderr)
        until = time.monotonic() + 60
        while not town.city.healthy("dispatch"):
            self.assertLess(time.monotonic(), until)

    def test_a_city_that_was_founded_without_passwords_goes_on_so(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="old-"))
        (folder / "installation.json").write_text(json.dumps(SETTINGS), encoding="ascii")
        up = [ROOT / "deploy/up", f"--bin={BIN}", f"--data={folder}", "--port=0", "--no-replay", f"--services={SERVICES}"]
        try:
            for _ in range(2):
                done = subprocess.run(up, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            where = json.loads((folder / "city.json").read_text())
            self.assertEqual(where["logins"], {})
            self.assertFalse((folder / "keys/kafka").exists())
            subprocess.run(["kcat", "-b", where["kafka"], "-L", "-m", "5"], check=True, stdout=subprocess.DEVNULL)
        finally:
            subprocess.run([ROOT / "deploy/down", f"--data={folder}", "--purge"], stdout=subprocess.DEVNULL, check=False)


def self_copy(file):
    """A copy that outlives the file."""
    copy = pathlib.Path(tempfile.mkdtemp()) / file.name
    copy.write_text(file.read_text(encoding="ascii"), encoding="ascii")
    return copy


if __name__ == "__main__":
    unittest.main()
