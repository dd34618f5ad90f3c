"""An object store without a city, and what clients of it do: forms, links, plain HTTP. Needs what deploy/install installs."""
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.request

from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "deploy/city"))
import objects  # pylint: disable=wrong-import-position
from processes import Parts  # pylint: disable=wrong-import-position

PHOTO = "image/jpeg"
SIZES = (10, 100)  # what a form lets in


class StoreAlone:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="obj-")
        self.folder = pathlib.Path(self._folder.name)
        self.parts = Parts(self.folder)
        (self.folder / "keys").mkdir()
        self._clients = {}
        try:
            self.start(objects.free_ports())
        except BaseException:
            self.remove()
            raise

    def start(self, ports):
        self.store = objects.Objects(self.folder / "objects", self.folder / "keys/objects", ports)
        self.store.start(self.parts)
        self.store.await_ready(self.parts)

    def client(self, user):
        secret = self.store.login_file(user).read_text(encoding="ascii")
        if (found := self._clients.get((self.store.url, secret))) is None:
            found = self._clients[self.store.url, secret] = self.store.client(user)
        return found

    def remove(self):
        self.store.stop(self.parts)
        self._folder.cleanup()


def form(client, key, bucket=objects.INCOMING, content_type=PHOTO, sizes=SIZES, seconds=60):
    """The fields of a form for one object: exactly this key and type, so many bytes."""
    return client.generate_presigned_post(bucket, key, Fields={"Content-Type": content_type}, ExpiresIn=seconds, Conditions=[
        {"Content-Type": content_type}, ["content-length-range", *sizes]])["fields"]


def filled_in(fields, body, boundary="seldom-seen"):
    """The type of the content and the content of a request with a form. Fields without a value are left out."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items() if value is not None]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: text/html\r\n\r\n'.encode())
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, body, f"\r\n--{boundary}--\r\n".encode()])


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def ask(url, data=None, method=None, **headers):
    """Status, headers and body."""
    request = urllib.request.Request(url, data, {name.replace("_", "-"): value for name, value in headers.items()}, method=method)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def send(url, fields, body):
    """What the store or the door says to the form."""
    content_type, data = filled_in(fields, body)
    return ask(f"{url}/{objects.INCOMING}", data, content_type=content_type)


def code(call, *args, **kwargs):
    """The code with which S3 refuses, None where it does not."""
    try:
        call(*args, **kwargs)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


def link(client, key, bucket=objects.MEDIA, seconds=60, method="get_object"):
    return client.generate_presigned_url(method, {"Bucket": bucket, "Key": key}, seconds)


def await_expiry(seconds):
    """The store reckons by the clock of the machine, which a test does not move."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.1)
