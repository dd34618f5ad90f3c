"""A one-node Kafka (KRaft) and a Redis on one machine, for a city and for tests. Kafka listens on loopback, Redis on a
unix socket."""
import base64
import os
import pathlib
import random
import socket
import subprocess
import uuid

import logins
from processes import Part, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
JARS = ROOT / ".run/tools/kafka"
PATIENCE = 180  # seconds; a busy machine takes its time

PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners={protocol}://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=3
unclean.leader.election.enable=false
log.cleaner.backoff.ms=1000
"""

# SCRAM would be better than PLAIN, but librdkafka before 2.6.1 cannot (services/runtime/journal/kafka_security.h). The
# controller has a user of its own: whoever reached it otherwise could go around the rules.
GUARDED = """\
listener.security.protocol.map={protocol}:{protocol},CONTROLLER:SASL_PLAINTEXT
inter.broker.listener.name={protocol}
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.{listener}.plain.sasl.jaas.config={module} username="{broker}" password="{password}" {users};
listener.name.controller.plain.sasl.jaas.config={module} username="{broker}" password="{password}" user_{broker}="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{broker};User:{operator}
"""
LOGIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def properties(port, controller, data, guard=None, tls=""):
    """What the broker reads. `guard` (Logins): only its users are let in, and only to what a rule allows. `tls`: the lines of
    its key and certificate, where it listens with TLS."""
    protocol = ("SASL_SSL" if tls else "SASL_PLAINTEXT") if guard else "PLAINTEXT"
    text = PROPERTIES.format(protocol=protocol, port=port, controller=controller, data=data) + tls
    if not guard:
        return text
    passwords = guard.kafka_passwords
    return text + GUARDED.format(
        protocol=protocol, listener=protocol.lower(), module=LOGIN_MODULE, broker=logins.BROKER, operator=logins.OPERATOR,
        password=passwords[logins.BROKER], users=" ".join(f'user_{user}="{secret}"' for user, secret in passwords.items()))


def free_port():
    """A port that nothing uses, below those that the kernel hands out by itself, so that none of them is taken from under
    us before the broker has it."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        if is_free(port):
            return port


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def start_kafka(parts, port, controller, guard=None, tls=""):
    """Formats its data at the first start. `guard`, `tls`: as of properties()."""
    data, settings = parts.folder / "kafka", parts.folder / "kafka.properties"
    text = properties(port, controller, data, guard, tls)
    settings.touch(mode=0o600)
    settings.write_text(text, encoding="ascii")
    java = ["/usr/bin/java", "-cp", f"{JARS}/*", f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/log4j2.properties"]
    if not (data / "meta.properties").exists():
        cluster = "-"
        while cluster.startswith("-"):  # the tool would take it for an option
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        with open(parts.log("kafka"), "ab") as log:
            run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)], stdout=log, stderr=log)
    parts.start(Part("kafka", [*java[:1], "-Xmx768m", "-XX:+UseSerialGC", *java[1:], "kafka.Kafka", str(settings)], reads=text))


def await_kafka(parts, port, guard=None):
    login = ["-F", str(guard.kafka_file(logins.OPERATOR))] if guard else []
    ask = ["kcat", *login, "-b", f"127.0.0.1:{port}", "-L", "-m", "1"]
    parts.await_ready("kafka", lambda: not is_free(port) and subprocess.run(ask, capture_output=True, check=False).returncode == 0,
                      PATIENCE)


def start_redis(parts, guard=None):
    """Keeps nothing on disk: whatever it holds is rebuilt from the log. `guard` (Logins): only its users are let in."""
    path, users = parts.folder / "redis.sock", parts.folder / "redis.acl"
    rules = guard.redis_rules if guard else ""
    if guard:
        users.touch(mode=0o600)
        users.write_text(rules, encoding="ascii")
    parts.start(Part("redis", ["/usr/bin/redis-server", "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
                               "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
                               "--dir", str(parts.folder), *(["--aclfile", str(users)] if guard else [])], reads=rules))
    command, env = redis_cli(path, guard)
    parts.await_ready("redis", lambda: b"PONG" in subprocess.run([*command, "ping"], capture_output=True, check=False,
                                                                 env=env).stdout, PATIENCE)
    return path


def redis_cli(path, guard=None):
    """The command that asks the Redis at `path`, as operator where it has users, and its environment."""
    if not guard:
        return ["redis-cli", "-s", str(path)], None
    return (["redis-cli", "-s", str(path), "--user", logins.OPERATOR],
            {**os.environ, "REDISCLI_AUTH": guard.redis_password(logins.OPERATOR)})
