"""The object store alone: what a form lets in, what each user may, who gets past its inner ports, and what is there after a kill."""
import base64
import http.client
import json
import os
import pathlib
import signal
import ssl
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

from store_alone import PHOTO, StoreAlone, ask, code, form, link, objects, send

BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])
INCOMING, MEDIA = objects.BUCKETS
DENIED = (403, "AccessDenied")


def setUpModule():  # pylint: disable=invalid-name
    global ALONE
    ALONE = StoreAlone()
    unittest.addModuleCleanup(ALONE.remove)


def client(user):
    return ALONE.client(user)


def said(answer):
    """Status and S3's code."""
    status, _, body = answer
    return status, body.partition(b"<Code>")[2].partition(b"<")[0].decode()


class FormTest(unittest.TestCase):
    def keys(self):
        return {found["Key"] for found in client("media").list_objects_v2(Bucket=INCOMING).get("Contents", [])}

    def send(self, fields, body=b"x" * 50):
        return said(send(ALONE.store.url, fields, body))

    def test_what_it_says_is_let_in(self):
        for size in (10, 100):
            self.assertEqual(self.send(form(client("uploads"), f"raw/good-{size}"), b"x" * size)[0], 204)
            there = client("media").head_object(Bucket=INCOMING, Key=f"raw/good-{size}")
            self.assertEqual((there["ContentType"], there["ContentLength"]), (PHOTO, size))

    def test_anything_else_is_not(self):
        uploads = client("uploads")
        before = self.keys()
        other = form(uploads, "raw/other")
        for why, fields, body, refused in [
            ("another type", {"Content-Type": "text/html"}, None, DENIED),
            ("no type", {"Content-Type": None}, None, DENIED),
            ("another key", {"key": "raw/else"}, None, DENIED),
            ("a key that leads elsewhere", {"key": "raw/../unused/x"}, None, (400, "InvalidRequest")),
            ("no key", {"key": None}, None, (400, "InvalidRequest")),
            ("one byte too many", {}, b"x" * 101, (400, "EntityTooLarge")),
            ("one byte too few", {}, b"x" * 9, (400, "EntityTooSmall")),
            ("a field that it does not name", {"x-amz-meta-a": "b"}, None, DENIED),
            ("another signature", {"x-amz-signature": "0" * 64}, None, (403, "SignatureDoesNotMatch")),
            ("no signature", {"x-amz-signature": None}, None, (403, "SignatureDoesNotMatch")),
            ("no policy", {"policy": None}, None, (403, "SignatureDoesNotMatch")),
            ("the policy of another form", {"policy": other["policy"]}, None, (403, "SignatureDoesNotMatch")),
            ("another user's name", {"x-amz-credential": form(client("links"), "raw/x")["x-amz-credential"]}, None, DENIED),
        ]:
            with self.subTest(why):
                self.assertEqual(self.send({**form(uploads, "raw/bad"), **fields}, body or b"x" * 50), refused)
        with self.subTest("an expired one"):
            self.assertEqual(self.send(form(uploads, "raw/bad", seconds=-1)), DENIED)
        self.assertEqual(self.keys(), before)

    def test_a_stripped_condition_is_another_policy(self):
        """The policy without one of its conditions, with the signature of the whole one."""
        fields = form(client("uploads"), "raw/bad")
        policy = json.loads(base64.b64decode(fields["policy"]))
        for condition in policy["conditions"]:
            left = {**policy, "conditions": [other for other in policy["conditions"] if other != condition]}
            fields["policy"] = base64.b64encode(json.dumps(left).encode()).decode()
            with self.subTest(condition):
                self.assertEqual(self.send(fields), (403, "SignatureDoesNotMatch"))

    def test_no_user_signs_a_form_for_elsewhere(self):
        for user, bucket, key in (("uploads", INCOMING, "unused/x"), ("uploads", INCOMING, "x"), ("uploads", MEDIA, "raw/x"),
                                  ("links", INCOMING, "raw/x"), ("links", MEDIA, "x/photo.jpg")):
            with self.subTest(user=user, key=key):
                self.assertEqual(self.send(form(client(user), key, bucket)), DENIED)


class UserTest(unittest.TestCase):
    MAY = {
        "uploads": {("put", INCOMING)},
        "links": {("get", MEDIA), ("head", MEDIA)},
        "media": {(what, bucket) for what in ("put", "get", "head", "list", "delete") for bucket in objects.BUCKETS},
    }
    KEYS = {INCOMING: "raw/u1", MEDIA: "u1/photo.jpg"}

    def test_each_does_what_it_may_and_nothing_else(self):
        for bucket, key in self.KEYS.items():
            client("media").put_object(Bucket=bucket, Key=key, Body=b"x")
        for user, may in self.MAY.items():
            asks = client(user)
            for bucket, key in self.KEYS.items():
                calls = {
                    "put": lambda b=bucket, k=key: asks.put_object(Bucket=b, Key=k, Body=b"y"),
                    "get": lambda b=bucket, k=key: asks.get_object(Bucket=b, Key=k),
                    "head": lambda b=bucket, k=key: asks.head_object(Bucket=b, Key=k),
                    "list": lambda b=bucket: asks.list_objects_v2(Bucket=b),
                    "delete": lambda b=bucket: asks.delete_object(Bucket=b, Key="raw/none"),
                    "acl": lambda b=bucket, k=key: asks.put_object_acl(Bucket=b, Key=k, ACL="public-read"),
                    "policy": lambda b=bucket: asks.put_bucket_policy(Bucket=b, Policy="{}"),
                    "versions": lambda b=bucket: asks.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Enabled"}),
                    "drop": lambda b=bucket: asks.delete_bucket(Bucket=b),
                    "another": lambda: asks.create_bucket(Bucket="another"),
                }
                for what, call in calls.items():
                    with self.subTest(user=user, what=what, bucket=bucket):
                        self.assertEqual(code(call), None if (what, bucket) in may else "403" if what == "head" else "AccessDenied")

    def test_forms_are_put_below_raw_alone(self):
        self.assertEqual(code(client("uploads").put_object, Bucket=INCOMING, Key="unused/u1", Body=b"y"), "AccessDenied")
        self.assertEqual(code(client("uploads").put_object, Bucket=INCOMING, Key="rawer", Body=b"y"), "AccessDenied")

    def test_many_are_not_deleted_at_once_by_who_may_not_delete_one(self):
        client("media").put_object(Bucket=INCOMING, Key="raw/stays", Body=b"x")
        for user in ("uploads", "links"):
            answer = client(user).delete_objects(Bucket=INCOMING, Delete={"Objects": [{"Key": "raw/stays"}]})
            self.assertEqual([error["Code"] for error in answer["Errors"]], ["AccessDenied"])
        client("media").head_object(Bucket=INCOMING, Key="raw/stays")

    def test_nobody_else_is_let_in(self):
        client("media").put_object(Bucket=MEDIA, Key="u2/photo.jpg", Body=b"secret")
        for path in ("/", f"/{MEDIA}", f"/{MEDIA}/u2/photo.jpg", f"/{MEDIA}?uploads", f"/{MEDIA}/u2/photo.jpg?acl"):
            for data, method in ((None, "GET"), (b"x", "PUT"), (None, "DELETE"), (b"x", "POST")):
                with self.subTest(path, method=method):
                    status, _, body = ask(ALONE.store.url + path, data, method)
                    self.assertIn(status, (403, 405, 501) if path != "/" else (400, 403, 405, 501))
                    self.assertNotIn(b"secret", body)

    def test_a_link_opens_one_object_for_a_while(self):
        client("media").put_object(Bucket=MEDIA, Key="u3/photo.jpg", Body=b"seen", ContentType=PHOTO)
        good = link(client("links"), "u3/photo.jpg")
        status, headers, body = ask(good)
        self.assertEqual((status, headers["content-type"], body), (200, PHOTO, b"seen"))
        self.assertEqual(ask(good.replace("u3/photo", "u2/photo"))[0], 403)
        self.assertEqual(ask(good.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))[0], 403)
        self.assertEqual(ask(link(client("links"), "raw/u1", INCOMING))[0], 403)
        self.assertEqual(ask(good, b"x", "PUT")[0], 403)

    def test_a_user_gets_another_secret_where_its_file_is_removed(self):
        client("media").put_object(Bucket=MEDIA, Key="u4/photo.jpg", Body=b"x")
        before = client("links")
        ALONE.store.login_file("links").unlink()
        ALONE.start(ALONE.store.ports)
        self.assertEqual(code(before.get_object, Bucket=MEDIA, Key="u4/photo.jpg"), "InvalidAccessKeyId")
        self.assertIsNone(code(client("links").get_object, Bucket=MEDIA, Key="u4/photo.jpg"))


class InnerTest(unittest.TestCase):
    """What its parts say to each other."""

    def test_its_ports_are_shut_to_who_has_not_its_certificate(self):
        client("media").put_object(Bucket=MEDIA, Key="u5/photo.jpg", Body=b"secret")
        config = ALONE.store.folder / "config"
        for name, port in ALONE.store.ports.items():
            if name == "s3.port":
                continue
            for path in ("/", "/status", "/dir/status", "/dir/assign", f"/buckets/{MEDIA}/u5/photo.jpg", "/1,01637037d6"):
                with self.subTest(name, path=path):
                    self.assertNotIn(self.knock(f"http://127.0.0.1:{port}{path}", None)[0], range(200, 400))
                    self.assertEqual(self.knock(f"https://127.0.0.1:{port}{path}", None)[0], 0)
        self.assertEqual(self.knock(f"https://127.0.0.1:{ALONE.store.ports['volume.port']}/status", config)[0], 200)  # with it it would say much

    @staticmethod
    def knock(url, certificate):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
        try:
            with urllib.request.urlopen(url, timeout=10, context=context if url.startswith("https") else None) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except (OSError, http.client.HTTPException):  # gRPC's own bytes are no HTTP
            return 0, b""

    def test_its_files_are_its_owners(self):
        for found in (ALONE.folder / "keys/objects").iterdir():
            self.assertEqual(found.stat().st_mode & 0o777, 0o600, found)
        self.assertEqual((ALONE.folder / "keys/objects").stat().st_mode & 0o777, 0o700)
        for name in ("config", "data", "tmp"):
            self.assertEqual((ALONE.store.folder / name).stat().st_mode & 0o777, 0o700, name)

    def test_it_listens_on_loopback_alone_at_the_ports_that_it_was_given(self):
        listens = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
        mine = {line.split()[3] for line in listens if f"pid={ALONE.parts.pid('objects')}," in line}
        self.assertEqual(mine, {f"127.0.0.1:{port}" for port in ALONE.store.ports.values()})

    def test_no_secret_stands_in_its_log_or_command_line(self):
        form_fields = form(client("uploads"), "raw/logged")
        send(ALONE.store.url, form_fields, b"x" * 50)
        send(ALONE.store.url, form_fields, b"x" * 500)
        url = link(client("links"), "u5/photo.jpg", seconds=1)
        ask(url)
        ask(url.replace("u5", "u6"))
        told = ALONE.parts.log("objects").read_text(errors="replace")
        told += pathlib.Path(f"/proc/{ALONE.parts.pid('objects')}/cmdline").read_text(encoding="ascii")
        self.assertGreater(len(told), 1000)
        secrets = [objects.login(ALONE.store.login_file(user))[1] for user in objects.USERS]
        for secret in (*secrets, form_fields["x-amz-signature"], url.rpartition("X-Amz-Signature=")[2]):
            self.assertNotIn(secret, told)


class ClientTest(unittest.TestCase):
    def test_it_does_what_our_own_client_needs(self):
        login = ALONE.store.login_file("media").read_text(encoding="ascii").strip()
        done = subprocess.run([BIN / "s3_object_store_check"], capture_output=True, text=True, check=False,
                              env={**os.environ, "CIVICMESH_TEST_OBJECTS": ALONE.store.url, "CIVICMESH_TEST_OBJECTS_LOGIN": login})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class KillTest(unittest.TestCase):
    def test_what_was_acknowledged_is_there_after_a_kill_at_other_ports_too(self):
        media, want = client("media"), {}
        for i in range(40):
            want[f"k{i}/photo.jpg"] = os.urandom(20_000 if i % 8 else 6_000_000)
        for i, (key, body) in enumerate(want.items()):
            media.put_object(Bucket=MEDIA, Key=key, Body=body, ContentType=PHOTO)
            if i == 20:
                media.delete_object(Bucket=MEDIA, Key="k0/photo.jpg")
        del want["k0/photo.jpg"]
        os.kill(ALONE.parts.pid("objects"), signal.SIGKILL)
        while ALONE.parts.pid("objects"):
            time.sleep(0.01)
        for ports in (ALONE.store.ports, objects.free_ports()):
            ALONE.start(ports)
            self.assertEqual(code(client("media").head_object, Bucket=MEDIA, Key="k0/photo.jpg"), "404")
            for key, body in want.items():
                self.assertTrue(client("links").get_object(Bucket=MEDIA, Key=key)["Body"].read() == body, key)
            client("media").put_object(Bucket=MEDIA, Key="after/photo.jpg", Body=b"x")
            ALONE.store.stop(ALONE.parts)
            self.assertIsNone(ALONE.parts.pid("objects"))
        ALONE.start(ALONE.store.ports)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
