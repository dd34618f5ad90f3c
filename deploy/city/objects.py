"""The object store of a city: SeaweedFS in one process, which speaks S3. Photos and recordings lie here, in two buckets.

Clients speak S3 on a TCP port or a unix socket, signed by one of four users (keys/objects/USER, one line ACCESSKEY:SECRET):

  uploads     signs forms: puts objects below raw/ in civicmesh-incoming, and nothing else
  media       reads, writes, lists and deletes objects of both buckets
  links       signs links: reads objects of civicmesh-media
  operator    may everything

Its parts (master, volumes, filer) speak to each other on loopback, HTTP and gRPC, and each lets in only who shows the
certificate that stands in objects/config. Where a file of keys/objects or the certificate is removed, the next deploy/up makes
another and starts the store anew.
"""
import datetime
import ipaddress
import json
import pathlib
import secrets

import broker
from logins import OPERATOR, made
from processes import Part

WEED = broker.ROOT / ".run/tools/objects/bin/weed"
INCOMING, MEDIA = "civicmesh-incoming", "civicmesh-media"
BUCKETS = (INCOMING, MEDIA)
SERVERS = ("master", "volume", "filer", "s3")
PORTS = tuple(f"{server}.{what}" for server in SERVERS for what in ("port", "port.grpc"))  # as its options are called
CERTIFIED_YEARS = 10
PATIENCE = 0  # It is ended by force: asked to end it lives on for ten seconds. What it has acknowledged the kernel has.


def allow(actions, *resources):
    return {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions], "Resource": [f"arn:aws:s3:::{name}" for name in resources]}


# What a user may. The store asks for an action besides before it looks at a form; what the form may put is the rule's to say.
ACTIONS = {OPERATOR: ["Admin"], "uploads": [f"Write:{INCOMING}"]}
RULES = {
    "uploads": [allow(["PutObject"], f"{INCOMING}/raw/*")],
    "media": [allow(["GetObject", "PutObject", "DeleteObject"], *(f"{bucket}/*" for bucket in BUCKETS)), allow(["ListBucket"], *BUCKETS)],
    "links": [allow(["GetObject"], f"{MEDIA}/*")],
}
USERS = (OPERATOR, *RULES)


class Objects:
    """The store whose data lie in `folder` and whose users' files in `keys`. `ports`: by name of PORTS."""

    def __init__(self, folder, keys, ports):
        self.folder, self._keys, self.ports = pathlib.Path(folder), pathlib.Path(keys), ports
        self.socket = self.folder / "s3.sock"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['s3.port']}"

    def login_file(self, user):
        """Made where there is none."""
        return made(self._keys / user, f"{secrets.token_hex(10)}:{secrets.token_hex(32)}\n")

    def client(self, user):
        """boto3's, as that user."""
        return client(self.url, self.login_file(user))

    def start(self, parts):
        reads = self._write_settings()
        options = [f"-{name}={port}" for name, port in self.ports.items()]
        parts.start(Part("objects", [
            str(WEED), "-logtostderr=true", f"-config_dir={self.folder / 'config'}", "server", f"-dir={self.folder / 'data'}",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-disableHttp", *options,
            "-master.telemetry=false", "-master.volumeSizeLimitMB=1024", "-volume.max=0",
            # It asks its volumes again what there is: with what it remembers it would wait 20 seconds for other masters.
            "-master.resumeState=false",
            "-filer", f"-filer.localSocket={self.folder / 'filer.sock'}", "-filer.allowedOrigins=",
            "-s3", f"-s3.localSocket={self.socket}", f"-s3.config={self.folder / 'config/s3.json'}", "-s3.allowedOrigins=",
            "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false",
        ], env={"TMPDIR": str(self.folder / "tmp")}, reads=reads, patience=PATIENCE))

    def await_ready(self, parts):
        """Until both buckets are there, take an object and give it back."""
        operator = self.client(OPERATOR)
        parts.await_ready("objects", lambda: _takes_objects(operator), broker.PATIENCE)

    def stop(self, parts):
        parts.stop("objects", patience=PATIENCE)
        for server in SERVERS:  # made by it, whatever it is told
            pathlib.Path(f"/tmp/seaweedfs-{server}-grpc-{self.ports[f'{server}.port.grpc']}.sock").unlink(missing_ok=True)

    def _write_settings(self):
        """What it reads at its start."""
        config = self.folder / "config"
        for folder in (config, self.folder / "data", self.folder / "tmp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate = _certificate(config)
        texts = {"security.toml": _only_with(certificate), "s3.json": self._users(),
                 # One file per bucket until it is full, instead of seven.
                 "master.toml": "[master.volume_growth]\ncopy_1 = 1\n"}
        for name, text in texts.items():
            (config / name).touch(mode=0o600)
            (config / name).write_text(text, encoding="ascii")
        return "".join([*texts.values(), certificate.read_text(encoding="ascii")])

    def _users(self):
        identities = [{"name": user, "credentials": [dict(zip(("accessKey", "secretKey"), login(self.login_file(user))))],
                       "actions": ACTIONS.get(user, []), "policyNames": [user] if user in RULES else []} for user in USERS]
        policies = [{"name": user, "content": json.dumps({"Version": "2012-10-17", "Statement": rules})} for user, rules in RULES.items()]
        return json.dumps({"identities": identities, "policies": policies}, indent=1)


def login(file):
    """The access key and the secret."""
    return file.read_text(encoding="ascii").strip().split(":")


def client(url, login_file):
    """boto3's, of the store at `url`. Raises what boto3 raises, at once: whoever wants to try again does so."""
    # Here, because deploy/up may have installed it only now.
    import boto3  # pylint: disable=import-outside-toplevel
    from botocore.config import Config  # pylint: disable=import-outside-toplevel
    key, secret = login(login_file)
    made_client = boto3.client("s3", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1",
                               config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 0},
                                             connect_timeout=5, read_timeout=60))
    made_client.meta.events.register_last("before-call.s3", _do_not_wait)
    return made_client


def _do_not_wait(params, **_):
    """For 100 Continue: after an empty object botocore 1.29 loses the next answer on that connection."""
    params["headers"].pop("Expect", None)


def free_ports():
    ports = set()
    while len(ports) < len(PORTS):
        ports.add(broker.free_port())
    return dict(zip(PORTS, ports))


def _takes_objects(operator):
    from botocore.exceptions import BotoCoreError, ClientError  # pylint: disable=import-outside-toplevel
    try:
        there = {bucket["Name"] for bucket in operator.list_buckets()["Buckets"]}
        for bucket in BUCKETS:
            if bucket not in there:
                operator.create_bucket(Bucket=bucket)
            operator.put_object(Bucket=bucket, Key="ready", Body=b"not empty, or no volume would be asked")
            operator.get_object(Bucket=bucket, Key="ready")["Body"].read()
            operator.delete_object(Bucket=bucket, Key="ready")
    except (BotoCoreError, ClientError):
        return False
    return True


def _only_with(certificate):
    """Each part shows this certificate and asks for it, over gRPC and HTTP."""
    pair = f'cert = "{certificate}"\nkey = "{certificate.with_name("key.pem")}"\n'
    ca = f'ca = "{certificate}"\n'
    return (f"[grpc]\n{ca}" + "".join(f"[grpc.{part}]\n{pair}" for part in (*SERVERS, "client"))
            + f"[https.client]\nenabled = true\n{pair}{ca}" + "".join(f"[https.{part}]\n{pair}{ca}" for part in ("master", "volume", "filer")))


def _certificate(folder):
    """Of the store for itself, made where there is none."""
    from cryptography import x509  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives import hashes, serialization  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives.asymmetric import ec  # pylint: disable=import-outside-toplevel
    file = folder / "certificate.pem"
    if file.exists():
        return file
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "objects")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=365 * CERTIFIED_YEARS))
                   .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
                   .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    (folder / "key.pem").unlink(missing_ok=True)
    made(folder / "key.pem", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()).decode())
    return made(file, certificate.public_bytes(serialization.Encoding.PEM).decode())
