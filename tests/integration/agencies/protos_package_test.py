"""What is in the package for other agencies, that it stands alone, and that what is made from the protos says all of them."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from package import ROOT, install

sys.path.insert(0, str(ROOT / "proto/package"))
import reference  # noqa: E402  pylint: disable=wrong-import-position
import service_config  # noqa: E402  pylint: disable=wrong-import-position
from described import Described, enums_of, messages_of  # noqa: E402  pylint: disable=wrong-import-position

TOY = """// Toys.
syntax = "proto3";
package civicmesh.toy.v1;
import "civicmesh/options/v1/options.proto";
import "google/api/annotations.proto";
// Toys.
service ToyService {
  // Breaks one | <all>.
  rpc BreakToy(BreakToyRequest) returns (BreakToyRequest) {
    option (google.api.http) = {post: "/v1/{name=toys/*}:break" body: "*"};
    option (civicmesh.options.v1.access) = {rights: {roles: ROLE_CITIZEN scope: SCOPE_OWN} anonymous: true};
  }
}
// What is needed.
message BreakToyRequest {
  // "toys/{toy}"
  string name = 1;
  string request_id = 2;
  oneof how {
    // Whether it falls.
    bool falls = 3;
    // By whom.
    string by = 4;
  }
  map<string, Part> parts = 5;
  // A part.
  message Part {
    string name = 1;
  }
}
"""


def setUpModule():  # pylint: disable=invalid-name
    global PACKAGE, SET
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    PACKAGE = install(folder.name + "/prefix")
    SET = Described((PACKAGE / "civicmesh.pb").read_bytes())


def toy(text=TOY):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "toy.proto").write_text(text, encoding="utf-8")
        return Described(subprocess.run(
            ["protoc", f"-I{folder}", f"-I{ROOT}/proto", f"-I{ROOT}/third_party/googleapis", "--include_imports", "--include_source_info",
             "--descriptor_set_out=/dev/stdout", "toy.proto"], capture_output=True, check=True).stdout)


class PackageTest(unittest.TestCase):
    def test_what_is_public_is_in_it_and_nothing_else(self):
        ours = {str(path.relative_to(PACKAGE / "proto")) for path in PACKAGE.rglob("proto/**/*.proto")}
        everything = {str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto")}
        self.assertEqual({name for name in everything - ours},
                         {name for name in everything if re.search(r"_journal\.proto|/log/|/reference/|/control_service|/open311_service|/keys\.proto|/media_kept\.proto|/upload_ticket\.proto", name)})
        self.assertEqual({path.name for path in PACKAGE.iterdir()},
                         {"README.md", "VERSION", "civicmesh.pb", "cmake", "docs", "examples", "googleapis", "proto",
                          "service_config.json"})

    def test_it_stands_alone(self):
        roots = [PACKAGE / "proto", PACKAGE / "googleapis"]
        files = [str(path.relative_to(root)) for root in roots for path in root.rglob("*.proto")]
        done = subprocess.run(["protoc", *(f"-I{root}" for root in roots), "--include_imports", "--descriptor_set_out=/dev/stdout", *files],
                              capture_output=True, check=False)
        self.assertEqual(done.stderr.decode(), "")
        self.assertEqual({file.name for file in Described(done.stdout).all}, {file.name for file in SET.all})

    def test_the_set_has_the_comments(self):
        for file in SET.all:
            if file.package.startswith("civicmesh."):
                self.assertTrue(any(place.leading_comments for place in file.source_code_info.location), file.name)

    def test_its_version(self):
        version = (PACKAGE / "VERSION").read_text(encoding="ascii").strip()
        self.assertRegex(version, r"^\d+\.\d+\.\d+$")
        self.assertIn(f'set(PACKAGE_VERSION "{version}")',
                      (PACKAGE / "cmake/civicmesh-protos-config-version.cmake").read_text(encoding="ascii"))


class ServiceConfigTest(unittest.TestCase):
    def test_every_method_has_one_entry(self):
        config = json.loads((PACKAGE / "service_config.json").read_text(encoding="ascii"))
        named = [(name["service"], name["method"]) for entry in config["methodConfig"] for name in entry["name"]]
        public = [(service, method.name) for service, method, _ in service_config.methods(SET)]
        self.assertGreater(len(public), 50)
        self.assertEqual(sorted(named), sorted(public))

    def test_only_what_is_unknown_is_retried_and_reads_wait_less(self):
        config = json.loads((PACKAGE / "service_config.json").read_text(encoding="ascii"))
        timeouts = {name["method"]: float(entry["timeout"].rstrip("s")) for entry in config["methodConfig"] for name in entry["name"]}
        for entry in config["methodConfig"]:
            self.assertEqual(entry["retryPolicy"]["retryableStatusCodes"], ["UNAVAILABLE"])
        self.assertLess(timeouts["GetReport"], timeouts["SubmitReport"])
        self.assertLess(timeouts["ListCases"], timeouts["OpenCase"])

    def test_what_cannot_be_repeated_is_refused(self):
        self.assertEqual(service_config.service_config(toy())["methodConfig"][0]["timeout"], service_config.WRITE["timeout"])
        with self.assertRaisesRegex(service_config.Unsafe, "BreakToy changes something, but BreakToyRequest has no request_id"):
            service_config.service_config(toy(TOY.replace("request_id", "request")))


class ReferenceTest(unittest.TestCase):
    def test_it_says_every_element(self):
        pages = {path.name: path.read_text(encoding="utf-8") for path in (PACKAGE / "docs").iterdir()}
        for file in SET.all:
            if not file.package.startswith("civicmesh."):
                continue
            page = pages[file.package.split(".")[1] + ".md"]
            for name, _, _ in [*messages_of(file), *enums_of(file)]:
                self.assertIn(f'<a id="{name}"></a>', page)
            for service in file.service:
                for method in service.method:
                    self.assertIn(f"gRPC `{file.package}.{service.name}/{method.name}`", page)
                    self.assertIn(f"{service.name}.{method.name}](", pages["README.md"])

    def test_every_link_leads_somewhere(self):
        pages = {path.name: path.read_text(encoding="utf-8") for path in (PACKAGE / "docs").iterdir()}
        links = [(page, target) for page, text in pages.items() for target in re.findall(r"\]\(([^)]*)\)", text)]
        self.assertGreater(len(links), 300)
        for page, target in links:
            name, _, anchor = target.partition("#")
            self.assertIn(name or page, pages)
            if anchor:
                self.assertIn(f'<a id="{anchor}"></a>', pages[name or page], f"{page}: {target}")

    def test_what_stands_in_our_options_is_told(self):
        runtime = (PACKAGE / "docs/runtime.md").read_text(encoding="utf-8")
        self.assertIn("| `REASON_BAD_REQUEST_ID` | INVALID_ARGUMENT | request_id is not a UUIDv7. “request_id 必须是 UUIDv7”", runtime)

    def test_the_reasons_of_every_domain_are_told(self):
        named = 0
        for file in (ROOT / "proto/civicmesh").rglob("*_journal.proto"):
            page = (PACKAGE / f"docs/{file.parts[-3]}.md").read_text(encoding="utf-8")
            for reason in re.findall(r"^  (REASON_\w+) = [1-9]", file.read_text(encoding="utf-8"), re.M):
                self.assertRegex(page, rf"\| `{reason}` \| [A-Z_]+ \| .*“.+” “.+” \|")
                named += 1
            self.assertNotIn("_journal.proto", page)
        self.assertGreater(named, 50)

    def test_a_method_and_its_request(self):
        page = reference.Reference(toy(), toy()).pages["toy.md"]
        for said in ["Breaks one \\| &lt;all>.", "- `POST /v1/{name=toys/*}:break`, body: `*`", "CITIZEN (own); also without a token",
                     "| 3 | `falls` | bool | One of how. Whether it falls. |", "map of string to [BreakToyRequest.Part](#BreakToyRequest.Part)",
                     '| 1 | `name` | string | "toys/{toy}" |', "- deadline 30s, at most 5 attempts"]:
            self.assertIn(said, page)

    def test_a_term_is_explained_by_others_only_where_they_agree(self):
        toys = toy(TOY.replace("  message Part {\n", "  message Part {\n    // Another.\n    string by = 2;\n").replace(
            "    string name = 1;\n  }", "    string name = 1;\n    message Of { string by = 1; }\n  }"))
        page = reference.Reference(toys, toys).pages["toy.md"]
        self.assertIn("| 1 | `by` | string |  |", page)


if __name__ == "__main__":
    unittest.main()
