"""The door's configuration says of every RPC what its proto says, lets nothing else in, and Envoy accepts it."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from door_alone import CONSOLE, LIST_CASES, ROOT, DoorAlone, limits, make, manager_of, protos, routes
from city import all_services, envoy_program
from frames import Client

SEGMENT = routes.SEGMENT
JWT = "envoy.filters.http.jwt_authn"


class ConfigTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.services = all_services()
        cls.says, cls.made = make(pathlib.Path(cls.folder.name), cls.services, console_origin=CONSOLE, objects="/s3.sock")
        cls.routes = manager_of(cls.made)["route_config"]["virtual_hosts"][0]["routes"]

    def requirement(self, route):
        return route["typed_per_filter_config"][JWT].get("requirement_name")

    def validate(self, made):
        """What Envoy has against it."""
        file = pathlib.Path(self.folder.name) / "envoy.json"
        file.write_text(json.dumps(made))
        done = subprocess.run([envoy_program(), "--mode", "validate", "-c", file], capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else None

    def test_envoy_accepts_it(self):
        self.assertIsNone(self.validate(self.made))
        self.assertIsNone(self.validate(make(pathlib.Path(self.folder.name), self.services)[1]))
        self.assertIn("unknown", self.validate({**self.made, "unknown": {}}))

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
                named = [header["string_match"] for header in route["match"]["headers"] if header["name"] == "x-civicmesh-service"]
                self.assertEqual(named, [{"exact": service}])
                self.assertEqual(self.requirement(route), "token")

    def test_who_only_tells_its_metrics_is_reached_for_nothing_else(self):
        _, made = make(pathlib.Path(self.folder.name), self.services, controlled=["webhooks"])
        leading = lambda to: {route["name"].partition(": ")[2] for route in manager_of(made)["route_config"]["virtual_hosts"][0]["routes"]
                              if route.get("route", {}).get("cluster") == to}
        self.assertEqual(leading("webhooks"), {name for name in leading("dispatch") if name.startswith("ControlService/")})

    def test_the_last_route_answers_404_to_everything_else(self):
        self.assertEqual(self.routes[-1]["match"], {"prefix": "/"})
        self.assertEqual(self.routes[-1]["direct_response"]["status"], 404)
        for route in self.routes[:-2]:
            self.assertNotIn("prefix", route["match"])

    def test_preflights_go_to_nobody_and_need_a_token_where_the_console_does_not_ask(self):
        preflight = self.routes[-2]
        self.assertEqual((preflight["route"]["cluster"], self.requirement(preflight)), ("nobody", "token"))
        nobody = next(c for c in self.made["static_resources"]["clusters"] if c["name"] == "nobody")
        self.assertNotIn("endpoints", nobody["load_assignment"])

    def test_two_routes_lead_to_the_store_and_none_where_there_is_no_store(self):
        leading = lambda made: [(route["name"], route["route"]["cluster"]) for route in manager_of(made)["route_config"]["virtual_hosts"][0]["routes"]
                                if route.get("route", {}).get("cluster") in ("uploads", "objects")]
        self.assertEqual(leading(self.made), [("objects: upload", "uploads"), ("objects: link", "objects")])
        _, without = make(pathlib.Path(self.folder.name), self.services)
        self.assertEqual(leading(without), [])
        self.assertNotIn("/s3.sock", json.dumps(without))
        times = lambda made: (manager_of(made)["request_timeout"], "max_stream_duration" in json.dumps(made))
        self.assertEqual((times(self.made), times(without)), (("90s", True), ("15s", False)))

    def test_every_route_is_of_a_kind_that_has_its_rates(self):
        kinds = {route["name"]: route["metadata"]["filter_metadata"]["civicmesh"]["kind"] for route in self.routes}
        self.assertLessEqual(set(kinds.values()), set(limits.RATES))
        for name, kind in (("intake: IntakeService/SubmitReport", "public"), ("dispatch: DispatchService/ListCases", "read"),
                           ("dispatch: DispatchService/AcceptCase", "command"), ("points: ControlService/AdvanceTime", "control"),
                           ("objects: upload", "upload"), ("objects: link", "link"), ("nowhere", "nowhere")):
            self.assertEqual(kinds[name], kind)

    def test_the_readme_tells_every_limit(self):
        told = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (ROOT / "deploy/envoy/README.md").read_text(encoding="utf-8"), re.MULTILINE)
        fields = {name: f"{value:,}" for name, value in vars(limits.Limits()).items() if name != "rates"}
        rates = {kind: " / ".join(f"{rate.per_second:,} ({rate.burst:,})" for rate in (of.stranger, of.known, of.everybody))
                 for kind, of in limits.RATES.items()}
        self.assertEqual(dict(told), {**fields, **rates})

    def test_a_service_without_protos_is_named(self):
        with self.assertRaisesRegex(protos.ProtoError, "names nobody, but there is no proto/civicmesh/nobody/v1"):
            protos.Protos([*self.services, "nobody"])


class EnvoyAloneTest(unittest.TestCase):
    """What holds before any service is asked."""

    def setUp(self):
        self.door = DoorAlone(fakes=(), change=self.change)
        self.addCleanup(self.door.remove)

    @staticmethod
    def change(made):
        manager = manager_of(made)
        # A route whose author forgot to say who may come.
        manager["route_config"]["virtual_hosts"][0]["routes"].insert(0, {
            "match": {"path": "/forgotten"}, "direct_response": {"status": 200}})
        manager["access_log"][0]["typed_config"]["log_format"] = {"text_format_source": {
            "inline_string": "%REQ(X-JWT-PAYLOAD)% %REQ(X-ENVOY-ORIGINAL-PATH)% %REQ(X-KEPT)%\n"}}

    def test_a_route_that_says_nothing_needs_a_token(self):
        self.assertEqual(self.door.get("/forgotten").status, 401)
        with Client(self.door.address) as client:
            self.assertEqual(client.grpc("/forgotten").grpc_status, 16)

    def test_what_only_the_door_says_is_not_taken_from_a_client(self):
        self.assertEqual(self.door.get("/nowhere", ("x-jwt-payload", "e30"), ("x-envoy-original-path", "/v1/cases"),
                                       ("x-kept", "kept")).status, 404)
        self.door.stop()  # so that it has written its log
        self.assertEqual((self.door.folder / "log/access.log").read_text().splitlines()[-1], "- - kept")

    def test_nobody_else_reaches_its_administration(self):
        self.assertEqual((self.door.folder / "admin").stat().st_mode & 0o777, 0o600)
        self.assertNotIn("socket_address", json.dumps(json.loads(self.door.admin("/config_dump"))["configs"][0]["bootstrap"]["admin"]))


class PathTest(unittest.TestCase):
    def test_templates(self):
        for template, path in [
            ("/v1/cases", ""),
            ("/v1/{name=cases/*}:accept", f"/v1/cases/{SEGMENT}:accept"),
            ("/v1/{case.name=cases/*}", f"/v1/cases/{SEGMENT}"),
            ("/v1/kpis/{kpi}/members", f"/v1/kpis/{SEGMENT}/members"),
            ("/v1/{name=a/*/b/*}.x", rf"/v1/a/{SEGMENT}/b/{SEGMENT}\.x"),
        ]:
            self.assertEqual(routes.path_regex(template), path)

    def test_what_the_door_cannot_tell_apart_is_refused(self):
        with self.assertRaises(ValueError):
            routes.path_regex("/v1/{name=**}")


if __name__ == "__main__":
    unittest.main()
