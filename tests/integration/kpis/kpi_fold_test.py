"""Analytics against kpi_fold.py, which was written without it: every number, what it is made of, and the members behind it.

A city replays reports of the sample; its event topics are dumped by kcat and folded. Both are asked about the same windows as
known at the same times, of which some lie amid the replay, where cases are open, not due yet or late, and exactly on facts.

Needs the built programs (CIVICMESH_BIN) and what deploy/install installs.
"""
import collections
import datetime
import json
import math
import os
import pathlib
import sys
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import kpi_fold  # pylint: disable=wrong-import-position
from town import BIN, ROOT, Town  # pylint: disable=wrong-import-position
from deeds import Deeds, rfc3339  # pylint: disable=wrong-import-position

REPORTS = int(os.environ.get("CIVICMESH_KPIS_REPORTS", "150"))
DOMAINS = ("intake", "dispatch", "points", "volunteering")
GROUPS = ("", "STREET", "MAJOR_CLASS", "UNIT")


def to_millis(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class Replayed(Town):
    """A city that has replayed, its facts, and analytics behind its door."""

    def __init__(self):
        super().__init__("kpi-")
        unittest.addModuleCleanup(self.remove)
        self.run(BIN / "civicctl", "replay", f"--door={self.city.door}", f"--keys={self.city.keys}", f"--limit={REPORTS}")
        self.token = self.city.token("analyst-01", hours=1)
        self.descriptors = self.describe()
        self.do_what_a_replay_does_not()
        self.await_fold()
        self.dump = self.dumped()
        self.facts = kpi_fold.read_facts(self.descriptors, self.dump)
        self.known = kpi_fold.City(self.facts)

    def do_what_a_replay_does_not(self):
        facts = kpi_fold.read_facts(self.descriptors, self.dumped())
        like = [fact.body.context for fact in facts
                if fact.type == "CaseRegistered" and kpi_fold.named(fact.body, "limit_kind") == "WORKING_DAY"]
        deeds = Deeds(self.city, ROOT / "deploy/sample/roster.json", like, max(fact.at for fact in facts))
        deeds.do()
        deeds.await_rest(DOMAINS)

    def describe(self):
        protos = [f"proto/civicmesh/{domain}/v1/{domain}_events.proto" for domain in DOMAINS]
        out = self.folder / "events.descriptors"
        self.run("protoc", "-Iproto", "-Ithird_party/googleapis", "--include_imports", f"--descriptor_set_out={out}", *protos)
        return out.read_bytes()

    def dumped(self):
        """Every record of the public topics, as kpi_fold.py reads them."""
        return b"".join(self.run(*self.city.kcat("-q", "-C", "-e", "-o", "beginning", "-t", f"civicmesh.{domain}.events.v1",
                                                 "-f", "%h\\n%R%s", user="data")) for domain in DOMAINS)

    def get(self, path, **query):
        query = urllib.parse.urlencode({key.replace("__", "."): value for key, value in query.items()})
        request = urllib.request.Request(f"{self.city.door}/v1/{path}?{query}", headers={"authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def await_fold(self):
        until = time.monotonic() + 60
        while not self.get("kpis:progress")["complete"]:
            if time.monotonic() > until:
                raise AssertionError(f"analytics is behind: {self.get('kpis:progress')}")

    def ask(self, path, scope, **more):
        """With the window in numbers: the same question as the fold's."""
        group = f"GROUP_BY_{scope.group_by}" if scope.group_by else "GROUP_BY_UNSPECIFIED"
        return self.get(path, window__start=rfc3339(scope.start), window__end=rfc3339(scope.end), as_of=rfc3339(scope.as_of),
                        group_by=group, **more)

    def members(self, kpi, part, scope, **more):
        """All pages of them, and what the last one says of all."""
        found, token = [], ""
        while True:
            page = self.ask(f"kpis/{kpi}/members", scope, part=f"KPI_PART_{part}", page_token=token, **more)
            found += page["members"]
            token = page["next_page_token"]
            if not token:
                return found, int(page["total_count"]), int(page["total_amount"])


def setUpModule():  # pylint: disable=invalid-name
    global TOWN
    TOWN = Replayed()


def windows(facts):
    """(start, end, as_of): whole months and all of it as known now; and at times amid the facts windows before, around and after."""
    times = sorted(fact.at for fact in facts)
    latest = times[-1]
    yield times[0], latest + 7 * kpi_fold.DAY, latest
    yield times[0], latest, latest  # the latest facts lie at the end, which does not belong to it
    yield from ((*kpi_fold.month(text), latest)
                for text in sorted({time.strftime("%Y-%m", time.gmtime(at / 1000 + 8 * 3600)) for at in times}))
    alert = max(fact.at for fact in facts if fact.type == "AlertRaised")  # nobody has reviewed it at that moment
    yield alert - kpi_fold.DAY, alert + 1, alert
    for eighth in range(1, 8):
        at = times[len(times) * eighth // 8]
        yield at - kpi_fold.DAY, at, latest  # known since: answered, closed, moved after the window
        yield times[len(times) * (eighth - 1) // 8], at + 1, at
        yield at - 3600 * 1000, at + 7 * kpi_fold.DAY, at


def scopes(facts, groups=GROUPS):
    return [kpi_fold.Scope(*window, group) for window in windows(facts) for group in groups]


def figures_of_api(kpi):
    def figure(of):
        exclusions = {entry["reason"].replace("KPI_EXCLUSION_", ""): int(entry["count"]) for entry in of["exclusions"]}
        beside = {entry["name"]: entry["value"] for entry in of["beside"]}
        return kpi_fold.Figure(int(of["numerator"]), int(of["denominator"]), of.get("value"), exclusions, beside, of["too_few"])
    return {(of["group"], of["series"]): figure(of) for of in kpi["figures"]}


def close(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, float) or isinstance(other, float):
        return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return one == other


def differences(scope, kpis, folded):
    """What analytics says otherwise than the fold, in words."""
    where = f"{rfc3339(scope.start)} to {rfc3339(scope.end)} as of {rfc3339(scope.as_of)} by {scope.group_by or 'nothing'}"
    for kpi in kpis:
        name = kpi["name"].removeprefix("kpis/")
        ours, theirs = folded[name][1], figures_of_api(kpi)
        for key in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(key), theirs.get(key)
            if one is None or other is None or not all(map(close, one, other)):
                yield f"{name} {key}, {where}:\n    fold      {one}\n    analytics {other}"


class KpisTest(unittest.TestCase):
    def same(self, found):
        found = list(found)
        self.assertEqual(0, len(found), f"{len(found)} differences\n" + "\n".join(found[:20]))

    def test_the_two_know_the_same_kpis_in_the_same_windows(self):
        for scope in scopes(TOWN.facts, GROUPS[:1]):
            kpis = TOWN.ask("kpis", scope)["kpis"]
            self.assertEqual([kpi["name"] for kpi in kpis], [f"kpis/{name}" for name in kpi_fold.KPIS])
            for kpi in kpis:
                name = kpi["name"].removeprefix("kpis/")
                over = kpi_fold.ai_window(scope) if name == "ai_precision" else scope
                self.assertEqual((name, kpi["kind"], to_millis(kpi["window"]["start"]), to_millis(kpi["window"]["end"])),
                                 (name, f"KPI_KIND_{kpi_fold.KPIS[name].kind}", over.start, over.end))
                self.assertEqual(to_millis(kpi["as_of"]), scope.as_of)

    def test_every_figure_is_the_same(self):
        seen = collections.Counter()
        found = []
        for scope in scopes(TOWN.facts):
            folded = kpi_fold.fold(TOWN.known, scope)
            found += differences(scope, TOWN.ask("kpis", scope)["kpis"], folded)
            for name, (_, figures) in folded.items():
                for figure in figures.values():
                    seen[name] += figure.numerator
                    seen.update(figure.exclusions)
                    seen["not_due_yet"] += figure.beside.get("not_due_yet", 0)
        self.same(found)
        # It was about something: all that can come about was there to be counted wrongly. Lots live for two years, and a revisit
        # without a grade is refused.
        self.assertEqual([name for name in kpi_fold.KPIS if not seen[name]], ["points_expired"])
        for reason in ("UNANSWERED", "DECLINED", "POSTPONED", "PROVISIONAL", "NO_REPORT", "WITHDRAWN", "NOT_REVIEWED", "MERGED",
                       "not_due_yet"):
            self.assertGreater(seen[reason], 0, reason)

    def test_every_member_is_the_same(self):
        """Of each window by one breakdown in turn, so that each is seen with many windows."""
        found = []
        for number, window in enumerate(windows(TOWN.facts)):
            scope = kpi_fold.Scope(*window, GROUPS[number % len(GROUPS)])
            for name, (members, _) in kpi_fold.fold(TOWN.known, scope).items():
                for part, ours in kpi_fold.parts(name, members).items():
                    found += self.other_members(name, part, scope, ours)
        self.same(found)

    def other_members(self, name, part, scope, ours, **more):
        theirs, count, amount = TOWN.members(name, part, scope, page_size=97, **more)
        self.assertEqual([member["member"] for member in theirs], sorted(member["member"] for member in theirs))
        self.assertEqual((count, amount), (len(theirs), sum(int(member["amount"]) for member in theirs)))
        weigh = part == "NUMERATOR"  # only there is an amount what the figure adds up
        one = collections.Counter((member.name, member.at, member.amount * weigh, member.exclusion, member.group, member.series)
                                  for member in ours)
        other = collections.Counter((member["member"], to_millis(member["at"]), int(member["amount"]) * weigh,
                                     member["exclusion"].replace("KPI_EXCLUSION_", "").replace("UNSPECIFIED", ""),
                                     member["group"], member["series"]) for member in theirs)
        if one != other:
            yield f"{name} {part} {scope}:\n    only fold      {list(one - other)[:5]}\n    only analytics {list(other - one)[:5]}"

    def test_the_members_of_one_figure_are_those_of_its_group_and_series(self):
        scope = scopes(TOWN.facts, ["UNIT"])[0]
        for name in ("closure_rate", "reports_by_source", "notices", "points_issued"):
            members, figures = kpi_fold.fold(TOWN.known, scope)[name]
            for group, series in figures:
                ours = [member for member in members if (member.group, member.series) == (group, series)]
                self.same(self.other_members(name, "NUMERATOR", scope, kpi_fold.parts(name, ours)["NUMERATOR"], group=group,
                                             series=series))

    def test_facts_published_twice_count_once(self):
        twice = kpi_fold.City(kpi_fold.read_facts(TOWN.descriptors, TOWN.dump + TOWN.dump))
        self.assertEqual(len(twice.facts), len(TOWN.facts))
        for scope in scopes(TOWN.facts, GROUPS[:1])[:4]:
            self.assertEqual(kpi_fold.fold(twice, scope), kpi_fold.fold(TOWN.known, scope))

    def test_where_a_report_belongs_is_what_dispatch_says(self):
        """A report may be told of points before it has heard of its case."""
        facts = []
        for fact in TOWN.facts:
            body = type(fact.body).FromString(fact.body.SerializeToString())
            if "context" in body.DESCRIPTOR.fields_by_name and body.context.DESCRIPTOR.full_name == "civicmesh.intake.v1.ReportContext":
                body.context.case = ""
            facts.append(fact._replace(body=body))
        until = max(fact.at for fact in facts)
        scope = kpi_fold.Scope(min(fact.at for fact in facts), until + 1, until, "STREET")
        self.assertEqual(kpi_fold.fold(kpi_fold.City(facts), scope), kpi_fold.fold(TOWN.known, scope))

    def test_a_month_is_what_it_is_in_the_city(self):
        scope = kpi_fold.Scope(*kpi_fold.month("2026-09"), max(fact.at for fact in TOWN.facts))
        self.assertEqual(rfc3339(scope.end), "2026-09-30T16:00:00.000Z")
        kpis = TOWN.get("kpis", month="2026-09", as_of=rfc3339(scope.as_of))["kpis"]
        self.same(differences(scope, kpis, kpi_fold.fold(TOWN.known, scope)))


if __name__ == "__main__":
    unittest.main()
