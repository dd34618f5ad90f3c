"""Kafka over TLS, as an installation of several machines has it: certificates of openssl, users with passwords, and our client
settings (services/runtime/journal/kafka_security.h).

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])
sys.path.insert(0, str(ROOT / "deploy/city"))
import broker  # pylint: disable=wrong-import-position
import logins  # pylint: disable=wrong-import-position
from certificates import Authority  # pylint: disable=wrong-import-position
from processes import Parts  # pylint: disable=wrong-import-position

PATIENCE = 90  # seconds


class TlsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tls-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.parts = Parts(self.folder)
        self.addCleanup(lambda: self.parts.stop(*self.parts.running()))
        self.guard = logins.Logins(self.folder, ["dispatch"])
        self.authority = Authority(self.folder, "ours")
        self.port = broker.free_port()

    def start(self, address="127.0.0.1"):
        both = self.authority.sign("broker", f"IP:{address}")
        broker.start_kafka(self.parts, self.port, broker.free_port(), self.guard,
                           f"ssl.keystore.type=PEM\nssl.keystore.location={both}\nssl.truststore.type=PEM\n"
                           f"ssl.truststore.location={self.authority.certificate}\n")
        broker.start_redis(self.parts, self.guard)
        self.parts.await_ready("kafka", lambda: not broker.is_free(self.port), PATIENCE)

    def settings(self, user, authority=None, **other):
        lines = dict(line.split("=", 1) for line in self.guard.kafka_file(user).read_text().splitlines())
        lines |= {"security.protocol": "SASL_SSL", "ssl.ca.location": str((authority or self.authority).certificate), **other}
        file = self.folder / f"{user}-{time.monotonic_ns()}.conf"
        file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return {"CIVICMESH_KAFKA_SECURITY_FILE": str(file)}

    def ctl(self, env, *arguments):
        done = subprocess.run([BIN / "civicctl", *arguments, f"--kafka=127.0.0.1:{self.port}"], capture_output=True, text=True,
                              env={**os.environ, **env}, check=False)
        return done.returncode, done.stdout + done.stderr

    def eventually(self, env, *arguments):
        """A broker that has just opened its port may not answer yet."""
        until = time.monotonic() + PATIENCE
        while (said := self.ctl(env, *arguments))[0] and time.monotonic() < until:
            pass
        self.assertEqual(said[0], 0, said[1])

    def test_a_service_works_over_it_and_who_does_not_trust_it_says_so(self):
        self.start()
        operator = self.settings("operator")
        self.eventually(operator, "topics", "create", "--shards=2")
        self.eventually(operator, "access", "apply")
        self.assertEqual(self.ctl(operator, "topics", "check", "--shards=2")[0], 0)

        stranger = Authority(self.folder, "strangers")
        for env in (self.settings("operator", stranger), self.settings("operator", **{"security.protocol": "SASL_PLAINTEXT"}), {}):
            code, said = self.ctl(env, "topics", "check", "--shards=2")
            self.assertEqual(code, 1)
            self.assertIn("does not let this process in", said)
        self.assertIn("certificate verify failed", self.ctl(self.settings("operator", stranger), "topics", "check")[1])

        keys = self.folder / "keys"
        subprocess.run([BIN / "civicctl", "keys", f"--out={keys}"], check=True, stdout=subprocess.DEVNULL)
        command = [BIN / "civicmesh-dispatch", f"--listen=unix:{self.folder}/d.sock", f"--kafka=127.0.0.1:{self.port}", "--shards=2",
                   f"--redis=unix:{self.folder}/redis.sock", f"--jwks={keys}/jwks.json", "--issuer=i", "--audience=a"]
        env = {**os.environ, **self.settings("dispatch"), "CIVICMESH_REDIS_LOGIN_FILE": str(self.guard.redis_file("dispatch"))}
        with open(self.folder / "dispatch.log", "w+b") as log, subprocess.Popen(command, env=env, stderr=log) as process:
            self.addCleanup(process.kill)
            until = time.monotonic() + PATIENCE
            while self.journals(operator) < 2:  # each shard's owner has written that it is the owner, and read it back
                self.assertIsNone(process.poll(), (self.folder / "dispatch.log").read_text())
                self.assertLess(time.monotonic(), until, (self.folder / "dispatch.log").read_text())
            process.terminate()

    def journals(self, operator):
        """In how many shards of dispatch anything stands."""
        said = subprocess.run(["kcat", "-F", operator["CIVICMESH_KAFKA_SECURITY_FILE"], "-b", f"127.0.0.1:{self.port}", "-C", "-e", "-q",
                               "-t", "civicmesh.dispatch.journal.v1", "-f", "%p\n"], capture_output=True, text=True, check=True)
        return len(set(said.stdout.split()))

    def test_a_broker_with_a_certificate_of_another_address_is_not_believed(self):
        self.start(address="127.0.0.9")
        until = time.monotonic() + PATIENCE
        while "certificate verify failed" not in (said := self.ctl(self.settings("operator"), "topics", "check")[1]):
            self.assertLess(time.monotonic(), until, said)


if __name__ == "__main__":
    unittest.main()
