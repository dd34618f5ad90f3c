"""The schemas take what the specification shows and refuse what is broken, so that a test which asks them can fail."""
import json
import unittest

from documents import as_json, wrong_with

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
REQUEST = ("<request><service_request_id>638344</service_request_id><status>closed</status><status_notes>Duplicate.</status_notes>"
           "<service_name>Sidewalk</service_name><service_code>006</service_code><description/><agency_responsible/>"
           "<service_notice/><requested_datetime>2010-04-14T06:37:38-08:00</requested_datetime>"
           "<updated_datetime>2010-04-14T06:37:38-08:00</updated_datetime><expected_datetime/><address/><address_id/><zipcode/>"
           "<lat>37.76</lat><long>-122.46</long><media_url/></request>")
GOOD = {
    "services": "<services><service><service_code>001</service_code><service_name>Cans</service_name><description/>"
                "<metadata>true</metadata><type>realtime</type><keywords>a, b</keywords><group>x</group></service></services>",
    "service_definition": "<service_definition><service_code>D1</service_code><attributes><attribute><variable>true</variable>"
                          "<code>W</code><datatype>singlevaluelist</datatype><required>true</required><datatype_description/>"
                          "<order>1</order><description>What?</description><values><value><key>1</key><name>Ford</name></value>"
                          "</values></attribute></attributes></service_definition>",
    "requests": f"<service_requests>{REQUEST}{REQUEST}</service_requests>",
    "posted": "<service_requests><request><service_request_id>1</service_request_id><service_notice>n</service_notice>"
              "<account_id/></request></service_requests>",
    "token": "<service_requests><request><service_request_id>1</service_request_id><token>2</token></request></service_requests>",
    "errors": "<errors><error><code>403</code><description>Invalid</description></error></errors>",
    "discovery": "<discovery><changeset>2011</changeset><contact>c</contact><key_service>k</key_service><endpoints><endpoint>"
                 "<specification>http://wiki.open311.org/GeoReport_v2</specification><url>http://a.test/v2</url>"
                 "<changeset>2010</changeset><type>test</type><formats><format>text/xml</format></formats></endpoint>"
                 "</endpoints></discovery>",
}
# By kind, what is replaced in a good one.
BROKEN = [
    ("services", "<metadata>true</metadata>", "<metadata>yes</metadata>"), ("services", "realtime", "soon"),
    ("services", "<service_name>Cans</service_name>", ""), ("services", "<group>x</group>", "<group>x</group><colour/>"),
    ("service_definition", "singlevaluelist", "list"), ("service_definition", "<order>1</order>", "<order>0</order>"),
    ("service_definition", "<key>1</key>", ""), ("requests", "closed", "done"),
    ("requests", "<lat>37.76</lat>", "<lat>97</lat>"), ("requests", "<lat>37.76</lat>", "<lat>x</lat>"),
    ("requests", "T06:37:38-08:00", "T06:37:38"), ("requests", "<description/>", f"<description>{'x' * 4001}</description>"),
    ("requests", "<service_code>006</service_code>", "<service_code/>"), ("requests", "<zipcode/>", ""),
    ("posted", "<service_notice>n</service_notice>", "<token>t</token>"), ("token", "<token>2</token>", ""),
    ("errors", "403", "forbidden"), ("errors", "<error><code>403</code><description>Invalid</description></error>", ""),
    ("errors", "errors>", "error>"), ("discovery", "test</type>", "toy</type>"), ("discovery", "<contact>c</contact>", "<contact/>"),
]


class SchemasTest(unittest.TestCase):
    def test_what_the_specification_shows_is_good(self):
        for kind, xml in GOOD.items():
            self.assertEqual(wrong_with(kind, "xml", (HEAD + xml).encode()), "", kind)
            self.assertEqual(wrong_with(kind, "json", json.dumps(as_json(kind, xml)).encode()), "", kind)

    def test_what_is_broken_is_not(self):
        for kind, part, instead in BROKEN:
            with self.subTest(kind=kind, part=part, instead=instead[:40]):
                self.assertIn(part, GOOD[kind])
                self.assertNotEqual(wrong_with(kind, "xml", (HEAD + GOOD[kind].replace(part, instead)).encode()), "")
        self.assertNotEqual(wrong_with("errors", "xml", GOOD["errors"].encode()), "")
        self.assertNotEqual(wrong_with("errors", "json", b"{}"), "")
        self.assertNotEqual(wrong_with("errors", "json", b"no JSON"), "")

    def test_one_kind_is_not_another(self):
        for kind in GOOD:
            for other, xml in GOOD.items():
                if kind != other:
                    self.assertNotEqual(wrong_with(kind, "xml", (HEAD + xml).encode()), "", f"{other} as {kind}")


if __name__ == "__main__":
    unittest.main()
