"""Each rule fails on a small bad proto and is content with a good one; our protos break none, and old records can still
be read."""
import pathlib
import tempfile
import unittest

import accepted
import rules
from descriptors import Descriptors

HEAD = """{}syntax = "proto3";
package civicmesh.toy.v1;
import "civicmesh/options/v1/options.proto";
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
"""
SERVICE = """
// Toys.
service ToyService {
  // Gets one.
  rpc GetToy(GetToyRequest) returns (Toy) {
    option (google.api.http) = {get: "/v1/{name=toys/*}"};
    option (civicmesh.options.v1.access) = {roles: ROLE_CITIZEN};
  }
}
// A toy.
message Toy {
  // "toys/{toy}"
  string name = 1;
  google.protobuf.Timestamp made_at = 2;
  Colour colour = 3;
  // By where they are.
  map<string, Colour> parts = 4;
}
// What GetToy needs.
message GetToyRequest {
  string name = 1;
}
// How it looks.
enum Colour {
  COLOUR_UNSPECIFIED = 0;
  // 红
  COLOUR_RED = 1;
}
// Why not.
enum Reason {
  REASON_UNSPECIFIED = 0;
  REASON_GONE = 1 [(civicmesh.options.v1.reason) = {code: NOT_FOUND zh: "没有" en: "gone"}];
}
"""


def protos(body, head="// Toys for the test.\n", name="civicmesh/toy/v1/toy_events.proto"):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True)
        path.write_text(HEAD.format(head) + body, encoding="utf-8")
        return Descriptors(folder)


class RuleTest(unittest.TestCase):
    def bad(self, rule, *changes, **kept):
        body = SERVICE
        for old, new in changes:
            self.assertIn(old, body)
            body = body.replace(old, new, 1)
        found = list(rule(protos(body, **kept)))
        self.assertEqual(len(found), 1, found)

    def test_good(self):
        for rule in rules.RULES:
            self.assertEqual([], list(rule(protos(SERVICE))))

    def test_commented(self):
        self.bad(rules.commented, head="")
        self.bad(rules.commented, ("// Toys.\n", ""))
        self.bad(rules.commented, ("  // Gets one.\n", ""))
        self.bad(rules.commented, ("// A toy.\n", ""))
        self.bad(rules.commented, ("// 红", ""))
        self.bad(rules.commented, ("made_at", "made"))
        self.bad(rules.commented, ("  google.protobuf.Timestamp made_at = 2;\n", "  int32 size = 2;\n"))
        self.bad(rules.commented, ("  // By where they are.\n", ""))

    def test_access(self):
        self.bad(rules.access, ("    option (civicmesh.options.v1.access) = {roles: ROLE_CITIZEN};\n", ""))
        self.bad(rules.access, ("{roles: ROLE_CITIZEN}", "{}"))
        self.bad(rules.access, ("ROLE_CITIZEN", "ROLE_UNSPECIFIED"))
        self.bad(rules.access, ('    option (google.api.http) = {get: "/v1/{name=toys/*}"};\n', ""))

    def test_own_requests(self):
        self.bad(rules.own_requests, ("  // Gets one.", "  // Too.\n  rpc GetAnother(GetToyRequest) returns (Toy);\n  // Gets one."))
        self.bad(rules.own_requests, ("rpc GetToy(GetToyRequest)", "rpc GetToy(google.protobuf.Timestamp)"))

    def test_reasons(self):
        self.bad(rules.reasons, ('zh: "没有" ', ""))
        self.bad(rules.reasons, ("code: NOT_FOUND ", ""))
        self.bad(rules.reasons, (' [(civicmesh.options.v1.reason) = {code: NOT_FOUND zh: "没有" en: "gone"}]', ""))

    def test_places(self):
        self.bad(rules.places, ("COLOUR_RED", "RED"))
        self.bad(rules.places, name="civicmesh/toy/v2/toy_events.proto")


class AcceptedTest(unittest.TestCase):
    def setUp(self):
        self.accepted = accepted.elements(protos(SERVICE))

    def broken(self, *changes):
        body = SERVICE
        for old, new in changes:
            self.assertIn(old, body)
            body = body.replace(old, new, 1)
        return list(accepted.broken(self.accepted, accepted.elements(protos(body))))

    def test_what_is_new_is_fine(self):
        self.assertEqual([], self.broken(("  Colour colour = 3;", "  Colour colour = 3;\n  string text = 9;"),
                                         ("  COLOUR_RED = 1;", "  COLOUR_RED = 1;\n  COLOUR_BLUE = 2;")))

    def test_what_old_records_hold_stays(self):
        for old, new in [("  string name = 1;\n", ""), ("string name = 1", "string name = 9"), ("string name = 1", "bytes name = 1"),
                         ("string name = 1", "repeated string name = 1"), ("string name = 1", "string title = 1"),
                         ("  Colour colour = 3;", "  oneof one { Colour colour = 3; }"), ("COLOUR_RED = 1", "COLOUR_RED = 2"),
                         ("COLOUR_RED = 1", "COLOUR_BLUE = 1"), ("map<string, Colour>", "map<string, string>")]:
            self.assertGreater(len(self.broken((old, new))), 0, f"{old} -> {new}")

    def test_only_what_is_kept_counts(self):
        self.assertEqual({}, accepted.elements(protos(SERVICE, name="civicmesh/toy/v1/toy_service.proto")))
        kept = accepted.elements(Descriptors())
        self.assertIn(("civicmesh.log.v1.Record", 1), kept)
        # An API message counts where a journal holds it.
        self.assertIn(("civicmesh.volunteering.v1.Activity", 1), kept)
        self.assertNotIn(("civicmesh.volunteering.v1.ListActivitiesResponse", 1), kept)

    def test_the_list_survives_its_file(self):
        self.assertEqual(self.accepted, accepted.read(accepted.write(self.accepted)))


class TreeTest(unittest.TestCase):
    maxDiff = None

    def test_our_protos_break_no_rule(self):
        ours = Descriptors()
        self.assertGreater(len(ours.files), 10)
        self.assertEqual([], [f"{wrong} ({rule.__name__})" for rule in rules.RULES for wrong in rule(ours)])

    def test_old_records_can_be_read(self):
        before, now = accepted.read(accepted.FILE.read_text(encoding="utf-8")), accepted.elements(Descriptors())
        self.assertGreater(len(before), 500)
        self.assertEqual([], list(accepted.broken(before, now)), "see tests/house/protos/accept")
        if len(now) > len(before):
            print(f"warning: {len(now) - len(before)} fields and values are not accepted yet: tests/house/protos/accept")


if __name__ == "__main__":
    unittest.main()
