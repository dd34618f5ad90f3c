"""Each rule fails on a small bad proto and is content with a good one; our protos break none, old records can still be read,
and clients of a v1 API go on."""
import pathlib
import re
import tempfile
import unittest

import accepted
import rules
from descriptors import ROOT, Descriptors

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
    option (civicmesh.options.v1.access) = {rights: {roles: ROLE_CITIZEN scope: SCOPE_OWN}};
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
        self.bad(rules.access, ("    option (civicmesh.options.v1.access) = {rights: {roles: ROLE_CITIZEN scope: SCOPE_OWN}};\n", ""))
        self.bad(rules.access, ("{rights: {roles: ROLE_CITIZEN scope: SCOPE_OWN}}", "{}"))
        self.bad(rules.access, ("ROLE_CITIZEN", "ROLE_UNSPECIFIED"))
        self.bad(rules.access, (" scope: SCOPE_OWN", ""))
        self.bad(rules.access, ("roles: ROLE_CITIZEN ", ""))
        self.bad(rules.access, ('    option (google.api.http) = {get: "/v1/{name=toys/*}"};\n', ""))

    def test_untried(self):
        posts, fields = ('WrongAnswersToPosts(\n  it, "civicmesh.toy.v1.ToyService")', 'WrongAnswersToFields(it, "civicmesh.toy.v1.ToyService",')
        self.assertEqual([], list(rules.untried(protos(SERVICE), ["", posts, fields])))
        for some in ([posts], [fields], [posts, fields.replace("ToyService", "AnotherService")]):
            self.assertEqual(1, len(list(rules.untried(protos(SERVICE), some))))

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

    def changed(self, *changes, body=SERVICE):
        for old, new in changes:
            self.assertIn(old, body)
            body = body.replace(old, new, 1)
        return accepted.elements(protos(body))

    def broken(self, *changes):
        return list(accepted.broken(self.accepted, self.changed(*changes)))

    def meant(self, *changes):
        now = self.changed(*changes)
        self.assertEqual([], list(accepted.broken(self.accepted, now)))
        return list(accepted.meant(self.accepted, now))

    def test_what_is_new_is_fine(self):
        for changes in [
                [("  Colour colour = 3;", "  Colour colour = 3;\n  string text = 9;"),
                 ("  COLOUR_RED = 1;", "  COLOUR_RED = 1;\n  COLOUR_BLUE = 2;")],
                [("  // Gets one.", "  // Makes one.\n  rpc MakeToy(MakeToyRequest) returns (Toy) {\n    option "
                  '(google.api.http) = {post: "/v1/toys"};\n    option (civicmesh.options.v1.access) = {rights: {roles: ROLE_OPERATOR scope: SCOPE_ANY}};\n'
                  "  }\n  // Gets one."), ("// A toy.", "// Needed.\nmessage MakeToyRequest {\n  // Required.\n  string name = 1;\n}\n// A toy.")],
                [('get: "/v1/{name=toys/*}"', 'get: "/v1/{name=toys/*}" additional_bindings {get: "/v1/{name=boxes/*/toys/*}"}')],
                [("message GetToyRequest {", "message GetToyRequest {\n  // As last seen.\n  string etag = 2;")],
                [("  string name = 1;\n  google", "  string name = 1 [deprecated = true];\n  google")],
                [("// A toy.\nmessage Toy {", "// Any toy.\nmessage Toy {\n  reserved 7, 8;")],
                [("  REASON_GONE", "  REASON_TORN = 2 [(civicmesh.options.v1.reason) = {code: NOT_FOUND}];\n  REASON_GONE")],
                [('zh: "没有" en: "gone"', 'zh: "没有了" en: "it is gone"')]]:
            self.assertEqual([], self.meant(*changes), changes)

    def test_what_old_records_hold_and_clients_have_stays(self):
        for old, new in [("  string name = 1;\n", ""), ("string name = 1", "string name = 9"), ("string name = 1", "bytes name = 1"),
                         ("string name = 1", "repeated string name = 1"), ("string name = 1", "string title = 1"),
                         ("  string name = 1;\n", "  reserved 1;\n  reserved \"name\";\n"),
                         ("string name = 1", "optional string name = 1"), ("string name = 1", 'string name = 1 [json_name = "n"]'),
                         ("  Colour colour = 3;", "  oneof one { Colour colour = 3; }"), ("COLOUR_RED = 1", "COLOUR_RED = 2"),
                         ("  // 红\n  COLOUR_RED = 1;\n", ""), ("COLOUR_RED = 1", "COLOUR_BLUE = 1"),
                         ("map<string, Colour>", "map<string, string>")]:
            found = self.broken((old, new))
            self.assertGreater(len(found), 0, f"{old} -> {new}")
            self.assertIn("a new package v2", found[0])

    def test_what_clients_call_stays(self):
        rpc = SERVICE[SERVICE.index("  // Gets one."):SERVICE.index("}\n// A toy.")]
        for old, new in [(rpc, ""), ("rpc GetToy", "rpc ReadToy"), ("service ToyService", "service ToysService"),
                         ("rpc GetToy(GetToyRequest)", "rpc GetToy(Toy)"), ("returns (Toy)", "returns (GetToyRequest)"),
                         ("returns (Toy)", "returns (stream Toy)"), ("(GetToyRequest) returns", "(stream GetToyRequest) returns"),
                         ("{name=toys/*}", "{name=dolls/*}"), ("get:", "post:"), ("/*}\"}", '/*}" body: "*"}'),
                         ("roles: ROLE_CITIZEN", "roles: ROLE_OPERATOR"), ("code: NOT_FOUND", "code: ABORTED")]:
            found = self.broken((old, new))
            self.assertGreater(len(found), 0, f"{old} -> {new}")
            self.assertRegex(found[0], "a new package v2|additional_bindings|a reason of its own")

    def test_anonymous_callers_go_on(self):
        open_to_all = ("{rights: {roles: ROLE_CITIZEN scope: SCOPE_OWN}}", "{rights: {roles: ROLE_CITIZEN scope: SCOPE_OWN} anonymous: true}")
        self.accepted = self.changed(open_to_all)
        self.assertRegex(self.broken()[0], "GetToy may.anonymous .* is gone")

    def test_what_is_moved_is_not_where_clients_look_for_it(self):
        now = accepted.elements(protos(SERVICE, name="civicmesh/toy/v1/toys_events.proto"))
        self.assertIn("civicmesh.toy.v1.Toy file was civicmesh/toy/v1/toy_events.proto",
                      "".join(accepted.broken(self.accepted, now)))
        now = accepted.elements(protos(SERVICE, name="civicmesh/toy/v1/toy_journal.proto"))
        self.assertIn("civicmesh.toy.v1.Toy file (civicmesh/toy/v1/toy_events.proto) is gone",
                      "".join(accepted.broken(self.accepted, now)))

    def test_what_is_given_up_is_never_used_again(self):
        given_up = ("message Toy {", "message Toy {\n  reserved 7 to 9;\n  reserved \"size\";")
        in_enum = ("enum Colour {", "enum Colour {\n  reserved 5 to 6;")
        self.accepted = self.changed(given_up, in_enum)
        self.assertIn(("civicmesh.toy.v1.Colour", "reserved.6"), self.accepted)
        for freed in [(given_up[0], given_up[1].replace("7 to 9", "7, 9")), (given_up[0], given_up[1].replace("size", "weight")),
                      (in_enum[0], in_enum[1].replace("5 to 6", "5"))]:
            self.assertRegex(self.broken(*{given_up[0]: given_up, in_enum[0]: in_enum, freed[0]: freed}.values())[0],
                             "reserved.* is gone: a number or name once given up")

    def test_what_is_gone_altogether_is_told_once(self):
        found = self.broken(("map<string, Colour> parts = 4;", "map<string, int32> parts = 4;"), ("  Colour colour = 3;\n", ""))
        self.assertEqual(1, sum("civicmesh.toy.v1.Colour is gone" in one for one in found))

    def test_what_a_request_means_changes_only_where_it_is_meant(self):
        explained = ("message GetToyRequest {", "message GetToyRequest {\n  // At most 20.\n  int32 size = 2;")
        self.accepted = self.changed(explained)
        self.assertEqual([], self.meant(explained))
        self.assertIn('2.says was "At most 20.", is "At most 10."', self.meant((explained[0], explained[1].replace("20", "10")))[0])
        self.assertIn('is ""', self.meant((explained[0], explained[1].replace("// At most 20.", "")))[0])

    def test_a_new_field_that_old_clients_would_have_to_send_has_to_be_meant(self):
        self.assertIn("old clients do not send it",
                      self.meant(("message GetToyRequest {", "message GetToyRequest {\n  // Required.\n  int32 size = 2;"))[0])

    def test_more_callers_have_to_be_meant(self):
        for more in ("rights: {roles: ROLE_OPERATOR scope: SCOPE_ANY}", "anonymous: true"):
            self.assertIn("more may call it than before", self.meant(("SCOPE_OWN}}", "SCOPE_OWN} " + more + "}"))[0])

    def test_only_what_is_kept_or_called_counts(self):
        of_service = accepted.elements(protos(SERVICE, name="civicmesh/toy/v1/toy_service.proto"))
        self.assertIn(("civicmesh.toy.v1.Toy", "1"), of_service)
        unused = SERVICE[SERVICE.index("// A toy."):]
        self.assertEqual({"civicmesh.toy.v1.Reason"},
                         {name for name, _ in accepted.elements(protos(unused, name="civicmesh/toy/v1/toy_types.proto"))})
        kept = accepted.elements(Descriptors())
        self.assertIn(("civicmesh.log.v1.Record", "1"), kept)
        self.assertNotIn(("civicmesh.log.v1.Record", "file"), kept)
        self.assertIn(("civicmesh.volunteering.v1.ListActivitiesResponse", "1"), kept)

    def test_the_list_survives_its_file(self):
        self.assertEqual(self.accepted, accepted.read(accepted.write(self.accepted)))


class TreeTest(unittest.TestCase):
    maxDiff = None

    def test_our_protos_break_no_rule(self):
        ours = Descriptors()
        self.assertGreater(len(ours.files), 10)
        self.assertEqual([], [f"{wrong} ({rule.__name__})" for rule in rules.RULES for wrong in rule(ours)])

    def test_it_is_tried_who_may_call_our_services(self):
        tests = [path.read_text(encoding="utf-8") for path in (ROOT / "services").rglob("*_test.cc")]
        self.assertEqual([], list(rules.untried(Descriptors(), tests)))

    def test_what_is_told_apart_from_ids_is_still_in_a_request(self):
        code = (ROOT / "services/runtime/rpc/well_formed.cc").read_text(encoding="utf-8")
        names = set(re.findall(r'\{"([A-Za-z_.]+)", StringKind', code))
        ours = Descriptors()
        there = {"content_type"} | {name for file in ours.files.values() for message in file.message_type for field in message.field
                                    for name in (field.name, f"{message.name}.{field.name}") if field.type == field.TYPE_STRING}
        self.assertGreater(len(names), 20)
        self.assertEqual(set(), names - there)

    def test_old_records_can_be_read_and_clients_of_v1_go_on(self):
        before, now = accepted.read(accepted.FILE.read_text(encoding="utf-8")), accepted.elements(Descriptors())
        self.assertGreater(len(before), 2000)
        self.assertEqual([], list(accepted.broken(before, now)), "proto/README.md, What may change")
        self.assertEqual([], list(accepted.meant(before, now)), "if it is meant: tests/house/protos/accept")
        if new := set(now) - set(before):
            print(f"warning: {len(new)} new elements are not accepted yet: tests/house/protos/accept")


if __name__ == "__main__":
    unittest.main()
