"""A one-node Kafka (KRaft) and a Redis on one machine, for a city and for tests. Kafka listens on loopback, Redis on a
unix socket."""
import base64
import pathlib
import random
import socket
import subprocess
import uuid

from processes import Part, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
JARS = ROOT / ".run/tools/kafka"
PATIENCE = 180  # seconds; a busy machine takes its time

PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
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


def start_kafka(parts, port, controller):
    """Formats its data at the first start."""
    data, settings = parts.folder / "kafka", parts.folder / "kafka.properties"
    text = PROPERTIES.format(port=port, controller=controller, data=data)
    settings.write_text(text, encoding="ascii")
    java = ["/usr/bin/java", "-cp", f"{JARS}/*", f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/log4j2.properties"]
    if not (data / "meta.properties").exists():
        cluster = "-"
        while cluster.startswith("-"):  # the tool would take it for an option
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        with open(parts.log("kafka"), "ab") as log:
            run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)], stdout=log, stderr=log)
    parts.start(Part("kafka", [*java[:1], "-Xmx768m", "-XX:+UseSerialGC", *java[1:], "kafka.Kafka", str(settings)], reads=text))


def await_kafka(parts, port):
    ask = ["kcat", "-b", f"127.0.0.1:{port}", "-L", "-m", "1"]
    parts.await_ready("kafka", lambda: not is_free(port) and subprocess.run(ask, capture_output=True, check=False).returncode == 0,
                      PATIENCE)


def start_redis(parts):
    """Keeps nothing on disk: whatever it holds is rebuilt from the log."""
    path = parts.folder / "redis.sock"
    parts.start(Part("redis", ["/usr/bin/redis-server", "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
                               "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
                               "--dir", str(parts.folder)]))
    ask = ["redis-cli", "-s", str(path), "ping"]
    parts.await_ready("redis", lambda: b"PONG" in subprocess.run(ask, capture_output=True, check=False).stdout, PATIENCE)
    return path
