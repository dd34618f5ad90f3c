"""The door's configuration says of every RPC what its proto says, lets nothing else in, and Envoy accepts it."""
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "deploy/envoy"), str(ROOT / "deploy/city")]
import config  # noqa: E402
import protos  # noqa: E402
from city import AUDIENCE, ISSUER, all_services, ask_unix, envoy_program  # noqa: E402
from processes import Part, Parts  # noqa: E402

BIN = pathlib.Path(os.environ["CIVICMESH_BIN"])
JWT = "envoy.filters.http.jwt_authn"


def make(folder, services):
    subprocess.run([BIN / "civicctl", "keys", "--out", folder / "keys"], check=True, stdout=subprocess.DEVNULL)
    says = protos.Protos(services)
    (folder / "log").mkdir(exist_ok=True)
    (folder / "set.pb").write_bytes(says.set_bytes)
    made = config.make_config(says, config.Place(
        port=0, sockets={name: str(folder / name) for name in services}, admin=str(folder / "admin"),
        descriptors=str(folder / "set.pb"), access_log=str(folder / "log/access.log"), jwks=str(folder / "keys/jwks.json"),
        issuer=ISSUER, audience=AUDIENCE))
    return says, made


def routes_of(made):
    manager = made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return manager["route_config"]["virtual_hosts"][0]["routes"]


class ConfigTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.services = all_services()
        cls.says, cls.made = make(pathlib.Path(cls.folder.name), cls.services)
        cls.routes = routes_of(cls.made)

    def requirement(self, route):
        return route["typed_per_filter_config"][JWT].get("requirement_name")

    def test_envoy_accepts_it(self):
        file = pathlib.Path(self.folder.name) / "envoy.json"
        file.write_text(json.dumps(self.made))
        done = subprocess.run([envoy_program(), "--mode", "validate", "-c", file], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_rpc_has_its_routes_and_asks_for_what_its_proto_says(self):
        for service in self.services:
            for rpc in self.says.rpcs(service):
                mine = [r for r in self.routes if r["name"] == f"{service}: {rpc.service.rsplit('.', 1)[1]}/{rpc.name}"]
                self.assertEqual(len(mine), len(rpc.bindings) + 1, rpc.path)
                for route in mine:
                    self.assertEqual(self.requirement(route), "token_or_none" if rpc.anonymous else "token", rpc.path)
                    self.assertEqual(route["route"]["cluster"], service)

    def test_control_is_reached_by_the_name_of_the_service_and_never_without_a_token(self):
        for service in self.services:
            paths = {r["match"]["path"] for r in self.routes if "path" in r["match"] and r["route"]["cluster"] == service}
            self.assertIn(f"/v1/control/{service}/shards", paths)
            native = [r for r in self.routes if r["match"].get("path", "").startswith("/civicmesh.runtime.v1.ControlService/")
                      and r["route"]["cluster"] == service]
            self.assertEqual(len(native), len(self.says.control_rpcs()))
            for route in native:
                self.assertEqual(route["match"]["headers"][1],
                                 {"name": "x-civicmesh-service", "string_match": {"exact": service}})
                self.assertEqual(self.requirement(route), "token")

    def test_the_last_route_answers_404_to_everything_else(self):
        self.assertEqual(self.routes[-1]["match"], {"prefix": "/"})
        self.assertEqual(self.routes[-1]["direct_response"]["status"], 404)
        for route in self.routes[:-1]:
            self.assertNotIn("prefix", route["match"])

    def test_a_service_without_protos_is_named(self):
        with self.assertRaisesRegex(protos.ProtoError, "names nobody, but there is no proto/civicmesh/nobody/v1"):
            protos.Protos([*self.services, "nobody"])


class EnvoyAloneTest(unittest.TestCase):
    """What holds before any service is asked."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.parts = Parts(folder.name)
        _, made = make(pathlib.Path(folder.name), ["dispatch"])
        manager = made["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        # A route whose author forgot to say who may come.
        manager["route_config"]["virtual_hosts"][0]["routes"].insert(0, {
            "match": {"path": "/forgotten"}, "direct_response": {"status": 200}})
        manager["access_log"][0]["typed_config"]["log_format"] = {"text_format_source": {
            "inline_string": "%REQ(X-JWT-PAYLOAD)% %REQ(X-ENVOY-ORIGINAL-PATH)% %REQ(X-KEPT)%\n"}}
        file = pathlib.Path(folder.name) / "envoy.json"
        file.write_text(json.dumps(made))
        self.admin, self.log = pathlib.Path(folder.name) / "admin", pathlib.Path(folder.name) / "log/access.log"
        self.parts.start(Part("envoy", [str(envoy_program()), "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]))
        self.addCleanup(self.parts.stop, "envoy")
        self.parts.await_ready("envoy", lambda: ask_unix(self.admin, "/ready") is not None, 30)
        listener = json.loads(ask_unix(self.admin, "/listeners?format=json"))["listener_statuses"][0]
        self.port = listener["local_address"]["socket_address"]["port_value"]

    def status_of(self, path, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status

    def test_a_route_that_says_nothing_needs_a_token(self):
        self.assertEqual(self.status_of("/forgotten", {}), 401)

    def test_what_only_the_door_says_is_not_taken_from_a_client(self):
        spoofed = {"x-jwt-payload": "e30", "x-envoy-original-path": "/v1/cases", "x-kept": "kept"}
        self.assertEqual(self.status_of("/nowhere", spoofed), 404)
        self.parts.stop("envoy")  # so that it has written its log
        self.assertEqual(self.log.read_text().splitlines()[-1], "- - kept")


class PathTest(unittest.TestCase):
    def test_templates(self):
        for template, path in [
            ("/v1/cases", ""),
            ("/v1/{name=cases/*}:accept", "/v1/cases/[^/:]+:accept"),
            ("/v1/{case.name=cases/*}", "/v1/cases/[^/:]+"),
            ("/v1/kpis/{kpi}/members", "/v1/kpis/[^/:]+/members"),
            ("/v1/{name=a/*/b/*}.x", r"/v1/a/[^/:]+/b/[^/:]+\.x"),
        ]:
            self.assertEqual(config.path_regex(template), path)

    def test_what_the_door_cannot_tell_apart_is_refused(self):
        with self.assertRaises(ValueError):
            config.path_regex("/v1/{name=**}")


if __name__ == "__main__":
    unittest.main()
