"""A city's Open311 API as apps find it: behind the real door, every answer good by the schemas in both formats, and public client
libraries going from the list of services to a request and back by its token.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs, its clients too.
"""
import hashlib
import http.client
import json
import pathlib
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from documents import TYPES, as_json, wrong_with  # pylint: disable=wrong-import-position
from town import ROOT, AskedTown, new_request_id  # pylint: disable=wrong-import-position

sys.path.extend(map(str, (ROOT / ".run/tools/open311/lib").glob("python3*/site-packages")))
import civicbot  # noqa: E402  pylint: disable=wrong-import-position
import georeport  # noqa: E402  pylint: disable=wrong-import-position

PATIENCE = 60  # seconds; only for a test that fails
GRIDS = iter(json.loads((ROOT / "deploy/sample/district.json").read_text(encoding="utf-8"))["grids"])
POSTED = {"service_code": "E0110", "description": "路边有零散垃圾，电话13800000058", "address_string": "望湖路525号", "email": "a@b.test",
          "phone": "13900000001"}
KEYS = {"phones": {"subject": "app-phones"}, "server": {"subject": "app-server", "reads_own": True}}


def somewhere():
    """A place where nobody has reported anything yet: reports of one place become one case."""
    ring = next(GRIDS)["ring"]
    return {name: sum(point[axis] for point in ring) / len(ring) for name, axis in (("lat", "latitude"), ("long", "longitude"))}


class City(AskedTown):
    """The settings of its Open311 API are ours."""

    def __init__(self):
        # The real clock: apps send no business time.
        super().__init__("o311-", "--services=intake,dispatch", "--clock=real", "--development-tokens")
        host, _, port = self.where["door"].removeprefix("http://").partition(":")
        self.address = (host, int(port))
        self.settings = {
            "url": f"{self.where['door']}/open311/v2", "type": "test", "changeset": "2026-11-29", "contact": "c", "key_service": "k",
            "jurisdiction_id": "city.test",
            "clients": [{"sha256": hashlib.sha256(key.encode()).hexdigest(), **client} for key, client in KEYS.items()]}
        (self.folder / "keys/open311.json").write_text(json.dumps(self.settings), encoding="ascii")
        self.until(lambda: self.ask("discovery.json")[2]["key_service"] == "k")

    def until(self, holds):
        """Asks again until it does, not so often that the door says it is too often; AssertionError after a while."""
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise AssertionError("does not come")
            time.sleep(0.05)

    def ask(self, path, form=None, **query):
        """Status, format and content of an answer, which must be a good document of the kind that `path` should bring."""
        ending = "xml" if path.endswith(".xml") else "json"
        status, headers, body = self.raw("POST" if form is not None else "GET", path, form, **query)
        kind = "errors" if status != 200 else "posted" if form is not None else kind_of(path)
        if headers["content-type"] != TYPES[ending] or (wrong := wrong_with(kind, ending, body)):
            raise AssertionError(f"{path}: {status} {headers['content-type']} {wrong} {body[:300].decode(errors='replace')}")
        return status, headers, as_json(kind, body) if ending == "xml" else json.loads(body)

    def raw(self, method, path, form=None, **query):
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        body = urllib.parse.urlencode(form) if form is not None else None
        asked = f"/open311/v2/{path}" + (f"?{urllib.parse.urlencode(query, doseq=True)}" if query else "")
        connection.request(method, asked, body, {"content-type": "application/x-www-form-urlencoded"} if body is not None else {})
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def post(self, ending="json", **fields):
        return self.ask(f"requests.{ending}", {"api_key": "phones", **POSTED, **({} if "lat" in fields else somewhere()), **fields})

    def posted(self, ending="json", **fields):
        """The id of a new request; on a slow machine it comes by a token."""
        return self.id_of(self.post(ending, **fields)[2][0])

    def id_of(self, answer):
        if "token" in answer:
            path = f"tokens/{answer['token']}.json"
            self.until(lambda: self.ask(path)[2][0].get("service_request_id"))
            answer = self.ask(path)[2][0]
        return answer["service_request_id"]

    def clerk(self, case, verb, role, **fields):
        status, answer = self.call("POST", f"/v1/{case}:{verb}", {"request_id": new_request_id(), **fields},
                                   token=self.token(role.lower() + "-x", role))
        if status != 200:
            raise AssertionError(f"{verb}: {answer}")

    def register(self, report):
        """A clerk does, once a case is there."""
        token = self.token("registrar-x", "REGISTRAR")
        found = {}

        def has_case():
            found.update(self.call("GET", f"/v1/reports/{report}", token=token)[1])
            return found["case"]
        self.until(has_case)
        self.clerk(found["case"], "accept", "REGISTRAR")
        self.clerk(found["case"], "register", "REGISTRAR", condition_id="1")
        self.until(lambda: self.call("GET", f"/v1/reports/{report}", token=token)[1]["status"] == "REPORT_STATUS_REGISTERED")


def kind_of(path):
    name, _, rest = path.partition("/")
    return {"services": "service_definition", "requests": "requests", "tokens": "token"}[name] if rest else name.partition(".")[0]


def setUpModule():  # pylint: disable=invalid-name
    global CITY
    CITY = City()
    unittest.addModuleCleanup(CITY.remove)


class DocumentsTest(unittest.TestCase):
    def test_both_formats_say_the_same(self):
        report = CITY.posted()
        CITY.register(report)
        for path in ("discovery", "services", "services/E0110", "services/other", "requests", f"requests/{report}"):
            (status, _, in_json), (same_status, _, in_xml) = CITY.ask(path + ".json"), CITY.ask(path + ".xml")
            self.assertEqual((status, in_json), (same_status, in_xml), path)
            self.assertEqual(status, 200, path)
        self.assertIn(set(CITY.post("xml")[2][0]), [{one, "service_notice", "account_id"} for one in ("service_request_id", "token")])

    def test_services_are_those_of_the_standard(self):
        standard = json.loads((ROOT / "deploy/sample/standard.json").read_text(encoding="utf-8"))
        self.assertEqual({one["service_code"]: one["service_name"] for one in CITY.ask("services.json")[2][:-1]},
                         {one["code"]: one["name_zh"] for one in standard["classes"]})

    def test_refusals_have_their_status(self):
        for status, path, query in [
                (404, "services/E9999", {}), (404, "requests/r-none", {}), (404, "tokens/none", {}), (404, "nowhere", {}),
                (404, "services", {"jurisdiction_id": "other.test"}), (400, "requests", {"status": "done"}),
                (400, "requests", {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-04-02T00:00:00Z"}),
                (400, "requests", {"page_size": 201}), (400, "requests", {"colour": "red"}), (403, "requests", {"api_key": "x"})]:
            for ending in ("json", "xml"):
                got, _, errors = CITY.ask(f"{path}.{ending}", **query)
                self.assertEqual((got, errors[0]["code"]), (status, status), f"{path} {query}")
        for form, status in [({"api_key": ""}, 403), ({"api_key": "x"}, 403), ({"service_code": "X"}, 404), ({"service_code": ""}, 400),
                             ({"lat": "", "address_string": ""}, 400), ({"media_url": "file:///etc/passwd"}, 400),
                             ({"jurisdiction_id": "other.test"}, 404), ({"description": "字" * 4001}, 400)]:
            self.assertEqual(CITY.post(**form)[0], status, form)
            self.assertEqual(CITY.post("xml", **form)[0], status, form)
        self.assertEqual(CITY.ask("requests.json", {"a": "x" * 1_000_001})[0], 413)
        self.assertEqual(CITY.ask("services.txt")[0], 400)
        status, _, body = CITY.raw("GET", "requests/r-none.txt")
        self.assertEqual((status, wrong_with("errors", "xml", body)), (400, ""))
        status, _, body = CITY.raw("DELETE", "requests.json")
        self.assertEqual((status, wrong_with("errors", "json", body)), (400, ""))

    def test_everything_that_the_specification_allows_is_taken(self):
        status, _, answer = CITY.post(jurisdiction_id="city.test", description="字" * 3900, first_name="三", last_name="张",
                                      device_id="d", account_id="a", address_id="7", media_url="https://p.test/1.jpg",
                                      **{"attribute[condition]": "1", "attribute[place]": "路口"})
        self.assertEqual(status, 200, answer)

    def test_an_app_without_a_key_anymore_posts_no_more(self):
        file = CITY.folder / "keys/open311.json"
        file.write_text(json.dumps({**CITY.settings, "clients": CITY.settings["clients"][1:]}), encoding="ascii")
        # Without a service nothing is written, however often it is asked.
        CITY.until(lambda: CITY.post(service_code="", lat="")[0] == 403)
        self.assertEqual(CITY.post(api_key="server")[0], 200)
        file.write_text(json.dumps(CITY.settings), encoding="ascii")
        CITY.until(lambda: CITY.post(service_code="", lat="")[0] == 400)


class PrivacyTest(unittest.TestCase):
    def test_only_what_a_clerk_has_registered_is_listed(self):
        place = somewhere()
        report = CITY.posted(**place)
        listed = lambda **query: [one["service_request_id"] for one in CITY.ask("requests.json", **query)[2]]
        self.assertNotIn(report, listed())
        self.assertEqual(CITY.ask(f"requests/{report}.json")[2][0]["status"], "open")
        CITY.register(report)
        self.assertEqual(listed()[0], report)
        self.assertEqual(listed(service_request_id=f"{report},r-none"), [report])
        self.assertNotIn(report, listed(status="closed"))
        shown = CITY.ask(f"requests/{report}.json", api_key="phones")[2][0]
        self.assertEqual((shown["lat"], shown["long"]), (round(place["lat"], 3), round(place["long"], 3)))
        self.assertIsNone(shown["description"])

    def test_nothing_of_who_reports_is_kept(self):
        own = CITY.posted(api_key="server")
        self.assertEqual(CITY.ask(f"requests/{own}.json", api_key="server")[2][0]["description"], "路边有零散垃圾，电话【手机号】")
        bytes_of = b"".join(file.read_bytes() for file in (CITY.folder / "kafka").rglob("*.log"))
        bytes_of += b"".join(file.read_bytes() for file in (CITY.folder / "log").glob("*"))
        self.assertIn("路边有零散垃圾".encode(), bytes_of)
        for secret in ("13800000058", "13900000001", "a@b.test", "a%40b.test"):
            self.assertNotIn(secret.encode(), bytes_of)


class ClientsTest(unittest.TestCase):
    """Libraries that others wrote for other cities."""

    def client(self, **rest):
        endpoint = civicbot.Endpoint(**{"id": "city", "name": "a city", "base_url": CITY.settings["url"], "write": True, **rest})
        return civicbot.Open311Client(endpoint, jurisdiction_id="city.test")

    def test_from_the_services_to_a_request(self):
        client = self.client()
        service = next(one for one in client.list_services() if one["service_name"] == "暴露垃圾")
        self.assertTrue(service["metadata"])
        place = somewhere()
        sent = client.create_request(service["service_code"], dry_run=False, confirm="SEND", api_key="phones", validate_remote=True,
                                     lat=place["lat"], lng=place["long"], description="路边有零散垃圾",
                                     attributes={"condition": "1"}, media_url="https://p.test/1.jpg", email="a@b.test")
        report = CITY.id_of(sent.response[0])
        self.assertEqual(client.get_request(report)["service_code"], service["service_code"])
        CITY.register(report)
        self.assertIn(report, [one["service_request_id"] for one in client.list_requests(status="open")])
        for ending in ("json", "xml"):
            other = georeport.GeoReport(CITY.settings["url"], jurisdiction="city.test", output_format=ending)
            self.assertEqual(other.get_service_request(report)["service_request_id"], report)
            self.assertIn(service["service_code"], [one["service_code"] for one in other.get_service_list()])
            self.assertEqual(other.get_service_definition(service["service_code"])["service_code"], service["service_code"])
            self.assertIn(report, [one["service_request_id"] for one in other.get_service_requests(service_request_id=f"{report},{report}")])

    def test_a_refusal_reaches_whoever_called(self):
        with self.assertRaises(civicbot.HttpError) as refused:
            self.client().create_request("E0110", dry_run=False, confirm="SEND", api_key="wrong", lat=30.3, lng=119.9)
        self.assertEqual(refused.exception.status, 403)

    def test_from_a_token_to_its_request(self):
        """Redis stopped: nothing is decided, and apps post all the same."""
        CITY.post(lat="")  # by now it knows the standard that holds
        CITY.city.parts.stop("redis")
        client = self.client()
        sent = client.create_request("E0110", dry_run=False, confirm="SEND", api_key="phones", description="x",
                                     address_string="望湖路525号")
        self.assertEqual(set(sent.response[0]), {"token", "service_notice", "account_id"})
        token = sent.response[0]["token"]
        self.assertIsNone(client.get_token(token)[0]["service_request_id"])
        self.assertEqual(CITY.ask(f"tokens/{token}.xml")[2], [{"service_request_id": None, "token": token}])
        self.assertEqual(CITY.ask("requests.json")[0], 503)
        CITY.revive()
        CITY.until(lambda: CITY.ask(f"tokens/{token}.json")[0] == 200)
        self.assertEqual(CITY.id_of({"token": token}), client.get_token(token)[0]["service_request_id"])
        report = client.get_token(token)[0]["service_request_id"]
        self.assertEqual(client.get_request(report)["service_request_id"], report)


if __name__ == "__main__":
    unittest.main()
