"""The sample district is what it claims to be: its files parse as the messages they stand for, its grids tile the area,
its duties answer every question exactly once, and its reports say truly where they lie.

Needs protoc and python3-protobuf; the generated code goes to a temporary folder.
"""
import collections
import csv
import datetime
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "deploy" / "sample"
LIMIT = re.compile(r"[1-9]\d*(紧急工作时|紧急工作日|工作时|工作日|自然日)")


def generate_protos():
    """Compiles the protos that the sample needs; the folder lives as long as the process."""
    folder = tempfile.TemporaryDirectory()
    protos = ["civicmesh/type/v1/type.proto", "civicmesh/reference/v1/reference.proto",
              "civicmesh/options/v1/options.proto", "google/rpc/code.proto"]
    subprocess.run([os.environ.get("CIVICMESH_PROTOC", "protoc"),
                    f"-I{ROOT / 'proto'}", f"-I{ROOT / 'third_party/googleapis'}", f"--python_out={folder.name}", *protos], check=True)
    sys.path.insert(0, folder.name)
    # protobuf's own google package is a regular package: let it find the generated google/rpc too.
    import google
    google.__path__.append(os.path.join(folder.name, "google"))
    return folder


GENERATED = generate_protos()

from civicmesh.options.v1 import options_pb2  # noqa: E402
from civicmesh.reference.v1 import reference_pb2  # noqa: E402
from google.protobuf import json_format  # noqa: E402


def load(name, message):
    """Unknown or misspelt fields are errors."""
    return json_format.Parse((SAMPLE / name).read_text(encoding="utf-8"), message)


DISTRICT = load("district.json", reference_pb2.District())
ROSTER = load("roster.json", reference_pb2.Roster())
STANDARD = load("standard.json", reference_pb2.Standard())
RULES = load("points_rules.json", reference_pb2.PointsRules())
CATALOGUE = load("catalogue.json", reference_pb2.Catalogue())
ROLES = {name[len("ROLE_"):] for name in options_pb2.Role.keys()} - {"UNSPECIFIED"}


def micro(point):
    """(x, y) in millionths of a degree: sums of products of these are exact."""
    return round(point.longitude * 1e6), round(point.latitude * 1e6)


RINGS = {grid.code: [micro(p) for p in grid.ring] for grid in DISTRICT.grids}


def double_area(ring):
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1]))


def edges(ring):
    return list(zip(ring, ring[1:] + ring[:1]))


def contains(ring, x, y):
    """True where a convex counter-clockwise ring holds the point; its border counts."""
    return all((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0 for a, b in edges(ring))


def outline():
    """The border of the whole district: the edges that only one grid has, in order."""
    directed = {edge for ring in RINGS.values() for edge in edges(ring)}
    border = {a: b for a, b in directed if (b, a) not in directed}
    start = min(border)
    ring = [start]
    while border[ring[-1]] != start:
        ring.append(border[ring[-1]])
    return ring, len(border)


TILE = 3000  # millionths of a degree


def tiles():
    """The grids that reach into each square of that width: looking through all of them for each place takes too long."""
    found = collections.defaultdict(list)
    for code, ring in RINGS.items():
        xs, ys = [x // TILE for x, _ in ring], [y // TILE for _, y in ring]
        for column in range(min(xs), max(xs) + 1):
            for row in range(min(ys), max(ys) + 1):
                found[column, row].append(code)
    return found


TILES = tiles()


def rings_at(x, y):
    return [code for code in TILES[x // TILE, y // TILE] if contains(RINGS[code], x, y)]


def grids_at(latitude, longitude):
    return rings_at(longitude * 1e6, latitude * 1e6)


def duties_for(grid, role):
    """The entries with the longest prefix that matches."""
    found = [d for d in DISTRICT.duties if d.unit_role == role and grid.startswith(d.grid_prefix)]
    longest = max((len(d.grid_prefix) for d in found), default=0)
    return [d for d in found if len(d.grid_prefix) == longest]


class Grids(unittest.TestCase):
    def test_codes(self):
        codes = [grid.code for grid in DISTRICT.grids]
        communities = {c.code for street in DISTRICT.streets for c in street.communities}
        self.assertEqual(len(codes), len(set(codes)))
        self.assertGreaterEqual(len(codes), 60)
        self.assertGreaterEqual(len(DISTRICT.streets), 3)
        self.assertGreaterEqual(len(communities), 8)
        self.assertRegex(DISTRICT.code, r"^99\d{4}$")
        for street in DISTRICT.streets:
            self.assertRegex(street.code, rf"^{DISTRICT.code}\d{{3}}$")
            for community in street.communities:
                self.assertRegex(community.code, rf"^{street.code}\d{{3}}$")
        for code in codes:
            self.assertRegex(code, r"^\d{15}$")
            self.assertIn(code[:12], communities)
        self.assertEqual({code[:12] for code in codes}, communities)

    def test_serials_run_west_to_east_then_north_to_south(self):
        by_community = collections.defaultdict(list)
        for grid in DISTRICT.grids:
            x = sum(p.longitude for p in grid.ring) / len(grid.ring)
            y = sum(p.latitude for p in grid.ring) / len(grid.ring)
            by_community[grid.code[:12]].append((grid.code[12:], x, y))
        for community, grids in by_community.items():
            grids.sort()
            self.assertEqual([g[0] for g in grids], [f"{n:03d}" for n in range(1, len(grids) + 1)], community)
            for (_, x, y), (serial, next_x, next_y) in zip(grids, grids[1:]):
                self.assertTrue(next_x > x or next_y < y - 0.001, f"{community}{serial}")

    def test_rings_are_convex_counter_clockwise_and_of_sensible_size(self):
        for code, ring in RINGS.items():
            self.assertGreater(double_area(ring), 0, code)
            for corner in ring:
                self.assertTrue(contains(ring, *corner), f"{code} is not convex")
            width = (max(x for x, _ in ring) - min(x for x, _ in ring)) * 0.0961
            height = (max(y for _, y in ring) - min(y for _, y in ring)) * 0.1109
            self.assertTrue(100 <= width <= 350 and 100 <= height <= 350, f"{code}: {width:.0f} m by {height:.0f} m")

    def test_no_gap_and_no_overlap(self):
        count = collections.Counter(edge for ring in RINGS.values() for edge in edges(ring))
        self.assertEqual(set(count.values()), {1}, "two grids run along the same side of an edge")
        ring, border_edges = outline()
        self.assertEqual(len(ring), border_edges, "the border is not one closed ring: there is a gap")
        self.assertEqual(double_area(ring), sum(double_area(r) for r in RINGS.values()))
        # Equal areas can hide a gap that an overlap makes up for: a raster of points must each lie in one grid only.
        xs, ys = [x for x, _ in ring], [y for _, y in ring]
        columns = 291
        for i in range(columns):
            for j in range(columns):
                x = min(xs) + 700 + (max(xs) - min(xs) - 1400) * (i + 0.5) / columns
                y = min(ys) + 700 + (max(ys) - min(ys) - 1400) * (j + 0.5) / columns
                # A point on a shared edge belongs to both sides; a half of a millionth of a degree keeps off corners.
                found = rings_at(x + 0.237, y + 0.419)
                self.assertEqual(len(found), 1, (x, y, found))

    def test_everyone_named_is_known(self):
        subjects = {member.subject for member in ROSTER.members}
        for grid in DISTRICT.grids:
            self.assertIn(grid.chief, subjects)
        for road in DISTRICT.roads:
            self.assertIn(road.chief, subjects)
            self.assertGreaterEqual(len(road.line), 2)
        self.assertGreaterEqual(len(DISTRICT.roads), 10)


class People(unittest.TestCase):
    def test_subjects_and_posts(self):
        subjects = [member.subject for member in ROSTER.members]
        self.assertEqual(len(subjects), len(set(subjects)))
        units = {u.id for u in DISTRICT.units}
        holders = collections.Counter()
        workers = collections.Counter()
        for member in ROSTER.members:
            self.assertTrue(member.posts, member.subject)
            for post in member.posts:
                self.assertIn(post.role, ROLES, member.subject)
                holders[post.role] += 1
                self.assertEqual(post.role == "UNIT_WORKER", bool(post.unit), member.subject)
                self.assertTrue(any(code.startswith(post.area) for code in RINGS), member.subject)
                if post.unit:
                    self.assertIn(post.unit, units)
                    workers[post.unit] += 1
        for role in ROLES - {"CITIZEN"}:
            self.assertGreaterEqual(holders[role], 2, role)
        for unit in units:
            self.assertGreaterEqual(workers[unit], 2, unit)

    def test_who_judges_never_disposes(self):
        for member in ROSTER.members:
            roles = [post.role for post in member.posts]
            if "UNIT_WORKER" in roles:
                self.assertEqual(set(roles), {"UNIT_WORKER"}, member.subject)


class Duties(unittest.TestCase):
    def test_every_grid_and_role_has_exactly_one_answer(self):
        roles = {role for unit in DISTRICT.units for role in unit.roles}
        units = {unit.id: unit for unit in DISTRICT.units}
        for grid in DISTRICT.grids:
            for role in roles:
                found = duties_for(grid.code, role)
                self.assertEqual(len(found), 1, f"{grid.code} {role}: {[d.id for d in found]}")
                self.assertIn(role, units[found[0].unit].roles, found[0].id)
        self.assertIn(DISTRICT.fallback_unit, units)
        self.assertEqual(len({d.id for d in DISTRICT.duties}), len(DISTRICT.duties))

    def test_overrides_win(self):
        grid = next(g.code for g in DISTRICT.grids if g.code.startswith("990101003002"))
        self.assertEqual(duties_for(grid, "urban_management")[0].unit, "u-enforcement-yunqiao")
        self.assertEqual(duties_for("990101003001001", "urban_management")[0].unit, "u-enforcement")

    def test_every_override_reaches_a_grid(self):
        for duty in DISTRICT.duties:
            self.assertTrue(any(g.code.startswith(duty.grid_prefix) for g in DISTRICT.grids), duty.id)


class Cameras(unittest.TestCase):
    def test_inside_one_grid_with_a_legal_basis(self):
        self.assertGreaterEqual(len(DISTRICT.cameras), 12)
        self.assertEqual(len({c.id for c in DISTRICT.cameras}), len(DISTRICT.cameras))
        for camera in DISTRICT.cameras:
            self.assertTrue(camera.legal_basis_zh, camera.id)
            self.assertEqual(len(grids_at(camera.location.latitude, camera.location.longitude)), 1, camera.id)


class Classes(unittest.TestCase):
    def test_codes_and_conditions(self):
        codes = [c.code for c in STANDARD.classes]
        self.assertEqual(len(codes), len(set(codes)))
        self.assertGreaterEqual(len(codes), 45)
        kinds = set()
        for c in STANDARD.classes:
            self.assertRegex(c.code, r"^C0[1-5]\d\d$" if c.component else r"^E0[1-6]\d\d$")
            self.assertTrue(c.name_zh and c.name_en and c.major_zh, c.code)
            self.assertTrue(1 <= len(c.conditions) <= 4, c.code)
            self.assertEqual([x.id for x in c.conditions], [str(n + 1) for n in range(len(c.conditions))], c.code)
            for condition in c.conditions:
                match = LIMIT.fullmatch(condition.limit)
                self.assertTrue(match, f"{c.code}/{condition.id}: {condition.limit}")
                kinds.add(match[1])
                self.assertTrue(condition.text_zh and condition.closure_zh, c.code)
        self.assertEqual(kinds, {"紧急工作时", "紧急工作日", "工作时", "工作日", "自然日"})

    def test_every_class_has_someone_to_handle_it(self):
        served = {role for unit in DISTRICT.units for role in unit.roles}
        for c in STANDARD.classes:
            self.assertIn(c.unit_role, served, c.code)
        self.assertEqual(served - {c.unit_role for c in STANDARD.classes}, set(), "a unit that nothing is ever sent to")

    def test_the_twelve_camera_classes(self):
        self.assertEqual(sorted(c.camera_class for c in STANDARD.classes if c.camera_class), list(range(1, 13)))

    def test_keywords(self):
        for c in STANDARD.classes:
            texts = [k.text for k in c.keywords]
            self.assertEqual(len(texts), len(set(texts)), c.code)
            for keyword in c.keywords:
                self.assertTrue(keyword.text and 1 <= keyword.weight <= 10, f"{c.code} {keyword.text}")
        self.assertLessEqual(sum(1 for c in STANDARD.classes if not c.keywords), 1, "only the catch-all has none")


class Points(unittest.TestCase):
    def test_rules(self):
        rules = {r.id: r for r in RULES.rules}
        self.assertEqual({i: r.points for i, r in rules.items()},
                         {"report_registered": 10, "report_registered_hazard": 30, "report_merged": 2,
                          "volunteering": 5, "waste_sorting": 5, "waste_contamination": -5, "traffic_month": 20, "culture_event": 5,
                          "false_report": -20})
        self.assertEqual((rules["volunteering"].per_minutes, rules["volunteering"].daily_limit), (30, 80))
        self.assertEqual([i for i, r in rules.items() if r.outside_limits], ["volunteering"])
        self.assertEqual((RULES.daily_limit, RULES.monthly_limit, RULES.expiry_months, RULES.expiry_notice_days),
                         (100, 500, 24, 30))

    def test_catalogue(self):
        ids = [item.id for item in CATALOGUE.items]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreaterEqual(len(ids), 10)
        self.assertEqual({item.kind for item in CATALOGUE.items}, {"GOODS", "SERVICE", "VENUE"})
        self.assertTrue(all(item.price_points > 0 and item.stock > 0 for item in CATALOGUE.items))
        self.assertGreaterEqual(sum(1 for item in CATALOGUE.items if item.stock <= 3), 2, "two must sell out")

REPORTS = [json.loads(line) for line in (SAMPLE / "reports.jsonl").read_text(encoding="utf-8").splitlines()]
ACTIVITIES = [json.loads(line) for line in (SAMPLE / "volunteering.jsonl").read_text(encoding="utf-8").splitlines()]
MAPPING = json.loads((SAMPLE / "mapping.json").read_text(encoding="utf-8"))
CODES = {c.code: c for c in STANDARD.classes}
WORDS = {"CITIZEN_APP", "HOTLINE_12345", "COLLECTOR", "SENSOR"}


def when(text):
    return datetime.datetime.fromisoformat(text)


def metres(a, b):
    north = (a["latitude"] - b["latitude"]) * 110900
    east = (a["longitude"] - b["longitude"]) * 111320 * math.cos(math.radians(a["latitude"]))
    return math.hypot(north, east)


def classify(text):
    """The transparent classifier: the class whose keywords found in the text weigh most, "" where none is found."""
    best, code = 0, ""
    for c in STANDARD.classes:
        score = sum(k.weight for k in c.keywords if k.text in text)
        if score > best:
            best, code = score, c.code
    return code


class Reports(unittest.TestCase):
    def test_counts(self):
        self.assertGreaterEqual(len(REPORTS), 330)
        self.assertGreaterEqual(len({r["class"] for r in REPORTS} - {""}), 30)
        self.assertEqual({r["source"] for r in REPORTS}, WORDS | {"VIDEO"})
        classes = collections.Counter(r["class"] for r in REPORTS)
        for c in STANDARD.classes:
            if c.camera_class:
                self.assertGreaterEqual(classes[c.code], 4, c.code)
        share = {field: sum(field in r for r in REPORTS) / len(REPORTS)
                 for field in ("duplicate_of", "holdback", "place")}
        self.assertTrue(0.08 <= share["duplicate_of"] <= 0.13, share)
        self.assertTrue(0.09 <= share["place"] <= 0.15, share)
        self.assertTrue(0.2 <= share["holdback"] <= 0.4, share)

    def test_fields(self):
        ids = [r["id"] for r in REPORTS]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual([r["reported_at"] for r in REPORTS], sorted(r["reported_at"] for r in REPORTS))
        for r in REPORTS:
            self.assertTrue(r["text"], r["id"])
            self.assertNotIn("{", r["text"], r["id"])
            self.assertTrue(r["class"] == "" or r["class"] in CODES, r["id"])
            self.assertTrue(set(r.get("also", [])) <= set(CODES), r["id"])
            at = when(r["reported_at"])
            self.assertEqual(at.utcoffset(), datetime.timedelta(hours=8))
            self.assertTrue("2026-09-14" <= r["reported_at"][:10] <= "2026-10-25", r["id"])
            reporter = {"COLLECTOR": r"^collector-\d\d$", "VIDEO": "^$", "SENSOR": "^$"}.get(r["source"], r"^(p\d{3})?$")
            self.assertRegex(r["reporter"], reporter)
            for datum in r.get("personal", []):
                self.assertIn(datum, r["text"])
        self.assertGreaterEqual(sum("personal" in r for r in REPORTS), 6)

    def test_times_touch_nights_weekends_and_holidays(self):
        times = [when(r["reported_at"]) for r in REPORTS]
        self.assertGreaterEqual(sum(t.hour >= 22 or t.hour < 6 for t in times), 15)
        self.assertGreaterEqual(sum(t.weekday() >= 5 for t in times), 50)
        self.assertGreaterEqual(sum(t.month == 10 and t.day <= 7 for t in times), 30)

    def test_inside_and_outside_as_marked(self):
        for r in REPORTS:
            if "latitude" in r:
                found = grids_at(r["latitude"], r["longitude"])
                self.assertEqual(len(found), 0 if r.get("outside") else 1, r["id"])
            else:
                self.assertTrue(r["place"] and r["source"] in WORDS, r["id"])
                self.assertFalse(r.get("outside"), r["id"])
        self.assertGreaterEqual(sum(r.get("outside", False) for r in REPORTS), 3)

    def test_a_place_in_words_can_be_found(self):
        names = {road.name_zh for road in DISTRICT.roads} | {c.name_zh for s in DISTRICT.streets for c in s.communities}
        known = [r for r in REPORTS if "place" in r and any(name in r["place"] for name in names)]
        self.assertGreaterEqual(len(known), 0.6 * sum("place" in r for r in REPORTS))

    def test_duplicates(self):
        by_id = {r["id"]: r for r in REPORTS}
        for r in REPORTS:
            if "duplicate_of" not in r:
                continue
            first = by_id[r["duplicate_of"]]
            self.assertEqual(r["class"], first["class"], r["id"])
            self.assertLessEqual(metres(r, first), 50, r["id"])
            age = when(r["reported_at"]) - when(first["reported_at"])
            self.assertTrue(datetime.timedelta(0) < age <= datetime.timedelta(hours=24), r["id"])
            if r["source"] != "VIDEO":
                self.assertNotEqual((r["reporter"], r["text"]), (first["reporter"], first["text"]))
                self.assertTrue(r["reporter"] != first["reporter"] or not r["reporter"], r["id"])

    def test_alerts(self):
        cameras = {c.id: c.location for c in DISTRICT.cameras}
        alerts = [r for r in REPORTS if r["source"] == "VIDEO"]
        self.assertEqual({CODES[r["detected"]].camera_class for r in alerts}, set(range(1, 13)))
        self.assertTrue(any(r["class"] == "" for r in alerts), "no false alarm to be found by review")
        for r in alerts:
            location = cameras[r["camera"]]
            self.assertEqual((r["latitude"], r["longitude"]), (location.latitude, location.longitude))
            self.assertTrue(0.5 <= r["confidence"] <= 1 and r["class"] in ("", r["detected"]), r["id"])
            left, top, width, height = r["box"]
            self.assertTrue(0 <= left and 0 <= top and left + width <= 1 and top + height <= 1, r["id"])

    def test_keywords_find_the_class(self):
        judged = [r for r in REPORTS if r["source"] in WORDS and r["class"] and r.get("holdback")]
        right = sum(classify(r["text"]) == r["class"] for r in judged)
        print(f"keywords alone: {right} of {len(judged)} held-back texts", file=sys.stderr)
        self.assertGreaterEqual(right / len(judged), 0.7)


class Volunteering(unittest.TestCase):
    def test_activities(self):
        self.assertGreaterEqual(len(ACTIVITIES), 8)
        organisers = {m.subject for m in ROSTER.members if any(post.role == "ORGANISER" for post in m.posts)}
        refusals = set()
        for a in ACTIVITIES:
            self.assertIn(a["organiser"], organisers)
            self.assertEqual(len(grids_at(a["latitude"], a["longitude"])), 1, a["id"])
            start, end = when(a["starts_at"]), when(a["ends_at"])
            self.assertTrue(when(a["published_at"]) < start < end)
            self.assertTrue(a["risks_zh"], a["id"])
            people = [s["person"] for s in a["signups"]]
            self.assertEqual(len(people), len(set(people)), a["id"])
            self.assertEqual([s["at"] for s in a["signups"]], sorted(s["at"] for s in a["signups"]))
            self.assertLessEqual(sum("refused" not in s for s in a["signups"]), a["capacity"])
            for s in a["signups"]:
                self.assertTrue(when(a["published_at"]) < when(s["at"]) < start, a["id"])
                refusals.add(s.get("refused", ""))
                if "minutes" in s:
                    served = min(when(s["check_out"]), end) - max(when(s["check_in"]), start)
                    self.assertEqual(s["minutes"], served.total_seconds() // 60, (a["id"], s["person"]))
                else:
                    self.assertTrue("refused" in s or s["absent"])
                if s.get("age", 18) < 18 and "refused" not in s:
                    self.assertTrue(s["guardian_consent"])
        self.assertEqual(refusals, {"", "FULL", "TOO_YOUNG"})


class Mapping(unittest.TestCase):
    def test_it_leads_to_what_exists(self):
        streets = {s.code for s in DISTRICT.streets}
        served = {role for unit in DISTRICT.units for role in unit.roles}
        self.assertEqual(len(MAPPING["label_departments"]), 7)
        for label, target in MAPPING["label_departments"].items():
            self.assertTrue(target["unit_roles"] and set(target["unit_roles"]) <= served, label)
            for code in target["classes"]:
                self.assertIn(CODES[code].unit_role, target["unit_roles"], f"{label} {code}")
        self.assertTrue(set(MAPPING["request_types"].values()) <= set(CODES))
        self.assertTrue(set(MAPPING["request_places"].values()) <= streets | {""})
        self.assertTrue(set(MAPPING["message_places"]["area_streets"].values()) <= streets)
        re.compile(MAPPING["message_places"]["area_pattern"])
        for rule in MAPPING["standard_departments"] + MAPPING["standard_minor_names"]:
            self.assertTrue(rule["contains"] and rule["unit_role"] in served, rule)
        self.assertIn(MAPPING["standard_department_default"], served)


@unittest.skipUnless("CIVICMESH_DATA" in os.environ, "CIVICMESH_DATA does not name a folder with the real inputs")
class RealInputs(unittest.TestCase):
    def rows(self, name):
        with open(pathlib.Path(os.environ["CIVICMESH_DATA"]) / name, encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file)) if name.endswith(".csv") else [json.loads(line) for line in file]

    def test_every_value_is_mapped(self):
        self.assertEqual({r["label"] for r in self.rows("messages/labelled.jsonl")}, set(MAPPING["label_departments"]))
        requests = self.rows("requests/nyc-311-sample.csv")
        self.assertLessEqual({r["Complaint Type"] for r in requests}, set(MAPPING["request_types"]))
        self.assertLessEqual({r["Borough"] for r in requests}, set(MAPPING["request_places"]))

    def test_nearly_every_department_has_a_role(self):
        conditions = self.rows("standards/urban-management.csv")
        rules = [rule["contains"] for rule in MAPPING["standard_departments"]]
        unled = [r for r in conditions
                 if not any(rule in r["disposal_unit"] + r["responsible_department"] for rule in rules)]
        self.assertLessEqual(len(unled), len(conditions) // 100)

    def test_keywords_find_the_department(self):
        messages = self.rows("messages/labelled.jsonl")
        right = 0
        for m in messages:
            found = CODES.get(classify(m["subject"] + m["text"]))
            right += found is not None and found.unit_role in MAPPING["label_departments"][m["label"]]["unit_roles"]
        print(f"keywords alone: the department of {right} of {len(messages)} real messages", file=sys.stderr)
        self.assertGreaterEqual(right / len(messages), 0.7)


class Generated(unittest.TestCase):
    def test_files_are_what_their_generators_write(self):
        for script in sorted(SAMPLE.glob("make_*.py")):
            subprocess.run([sys.executable, str(script), "--check"], check=True)


if __name__ == "__main__":
    unittest.main()
