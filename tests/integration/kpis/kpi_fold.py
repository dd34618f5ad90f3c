"""The KPIs of a city, from nothing but its public events: the independent fold of invariant I6.

Written from DOMAIN section 8 (and 1.5 for the rates that section 8 does not define), not from services/analytics; where those
leave room, "Read:" says how it is read here. What stands in no section (duplicates, counts, points) is taken at the word of the
API, `definition_en`. Uses the standard library and protobuf alone, so anybody can check it and run it on another machine:

  protoc -I proto -I third_party/googleapis --include_imports --descriptor_set_out=DESCRIPTORS proto/civicmesh/*/v1/*_events.proto
  for d in intake dispatch points volunteering; do
    kcat -q -b BROKER -C -e -o beginning -t civicmesh.$d.events.v1 -f '%h\\n%R%s'
  done > EVENTS
  kpi_fold.py DESCRIPTORS EVENTS 2026-10 [AS_OF]

EVENTS holds records one behind the other: the headers in one line (name=value, comma between), the length of the value in four
bytes, most significant first, the value. Partitions may be mixed, but each stands in its own order. Times are milliseconds.
"""
import collections
import datetime
import functools
import math
import statistics
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

CITY = datetime.timezone(datetime.timedelta(hours=8))  # Asia/Shanghai
DAY = 86400 * 1000
GRADES = {"VERY_SATISFIED": 100, "SATISFIED": 80, "FAIRLY_SATISFIED": 60, "DISSATISFIED": 30, "VERY_DISSATISFIED": 0}
SATISFIED = ("VERY_SATISFIED", "SATISFIED", "FAIRLY_SATISFIED")
ENOUGH_ALERTS = 200
ONE_SIDED = statistics.NormalDist().inv_cdf(0.975)  # of an interval of 95 %

# `type` without its package, `at` in business time, `body` the message.
Fact = collections.namedtuple("Fact", "type at body")
# The window is closed at its start, open at its end; facts up to `as_of` are known, included.
Scope = collections.namedtuple("Scope", "start end as_of group_by", defaults=("",))
# One member of one figure. `at`: the fact or deadline by which it counts. `exclusion`: why it is in neither part, or "".
Member = collections.namedtuple("Member", "name at amount exclusion group series numerator beside denominator",
                                defaults=(False, None, True))
Figure = collections.namedtuple("Figure", "numerator denominator value exclusions beside too_few")


def month(text):
    """The start and end of a calendar month, as "2026-10"."""
    year, number = (int(part) for part in text.split("-"))
    ends = (year, number), (year + number // 12, number % 12 + 1)
    return tuple(int(datetime.datetime(y, m, 1, tzinfo=CITY).timestamp()) * 1000 for y, m in ends)


def millis(timestamp):
    return timestamp.seconds * 1000 + timestamp.nanos // 1000000


def named(message, field):
    """An enum's value without its prefix: what all values of the enum have in common."""
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    unspecified = enum.values_by_number[0].name
    return enum.values_by_number[getattr(message, field)].name[len(unspecified) - len("UNSPECIFIED"):]


# Reading.

def records(data):
    """(headers, value) of each record."""
    at = 0
    while at < len(data):
        line = data.index(b"\n", at)
        size, = struct.unpack_from(">i", data, line + 1)
        headers = dict(pair.split("=", 1) for pair in data[at:line].decode().split(","))
        at = line + 5 + size
        yield headers, data[line + 5:at]


def read_facts(descriptors, data):
    """Each fact once (R14): a reader ignores ids that are not above the last one of their shard, compared as numbers."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    last, facts = {}, []
    for headers, value in records(data):
        domain, shard, *place = headers["ce_id"].split("/")
        place = tuple(int(number) for number in place)
        if place <= last.get((domain, shard), (-1, -1)):
            continue
        last[domain, shard] = place
        body = factory.GetPrototype(pool.FindMessageTypeByName(headers["ce_type"])).FromString(value)
        context = body.context if "context" in body.DESCRIPTOR.fields_by_name else body
        facts.append(Fact(headers["ce_type"].rpartition(".")[2], millis(context.occurred_at), body))
    return facts


# What is known at a time.

class Case:
    """A case after its facts so far."""

    def __init__(self):
        self.now = None  # its context after the last of them
        self.clocks = {}
        self.facts = []

    def apply(self, fact):
        self.now = fact.body.context
        self.clocks.update((named(clock, "kind"), clock) for clock in fact.body.clocks)
        self.facts.append(fact)

    def first(self, kind):
        """When the first fact of a type happened; nothing where none did."""
        return next((fact.at for fact in self.facts if fact.type == kind), None)

    def last(self, kind):
        return next((fact for fact in reversed(self.facts) if fact.type == kind), None)

    def closed(self, scope):
        """Whether it is, by the window's end."""
        at = self.first("CaseClosed")
        return at is not None and at < scope.end

    def due(self):
        """The deadline of disposal, approved extensions included; nothing before dispatch."""
        return millis(self.now.disposal_due_at) if self.now.HasField("disposal_due_at") else None


class City:
    """All that is known from facts; at(time): from those up to that time alone."""

    def __init__(self, facts):
        self.facts = facts
        self.at = functools.lru_cache(maxsize=4)(lambda until: City([fact for fact in facts if fact.at <= until]))
        self.cases = collections.defaultdict(Case)
        self.reports = {}  # by name: its context after its last fact
        self.notices = collections.defaultdict(dict)  # by report, then kind: when
        for fact in self.facts:
            context = fact.body.context if "context" in fact.body.DESCRIPTOR.fields_by_name else None
            fields = context.DESCRIPTOR.full_name if context is not None else ""
            if fields == "civicmesh.dispatch.v1.EventContext":
                self.cases[context.case].apply(fact)
            elif fields == "civicmesh.intake.v1.ReportContext":
                self.reports[context.report] = context
                if fact.type == "ReporterNotified":
                    self.notices[context.report].setdefault(named(fact.body, "kind"), fact.at)

    def of(self, *types):
        return (fact for fact in self.facts if fact.type in types)

    @functools.cached_property
    def taken(self):
        """By report: the fact by which a case took it up. A case that is merged into another hands its reports on, always to one
        that was opened before it: a report is where it is known to have come to. Dispatch says so, whenever the report hears of it."""
        taken = {}
        for fact in self.of("CaseReportMerged", "CaseOpened"):
            context = fact.body.context
            merged = fact.type == "CaseReportMerged"
            if merged or context.lead_report:
                name = fact.body.report.report if merged else context.lead_report
                order = millis(context.opened_at), context.case
                taken[name] = min(taken.get(name, (order, fact)), (order, fact), key=lambda one: one[0])
        return {name: fact for name, (_, fact) in taken.items()}

    def context_of(self, report):
        """What the report's case is now; nothing where none has taken it up."""
        fact = self.taken.get(report)
        return fact and self.cases[fact.body.context.case].now


def group_of(context, scope):
    """Where a case belongs. Read: by what it is now, but returns and revisits by what it was when they happened."""
    if context is None:
        return ""
    return {"": "", "STREET": context.grid[:9], "MAJOR_CLASS": context.major_name_zh, "UNIT": context.unit}[scope.group_by]


def within(at, scope):
    return at is not None and scope.start <= at < scope.end


# The definitions: the members of each KPI.

def response_time(city, scope):
    """Section 8: from reported to the first substantive response, unit signed AND citizen notified; cases reported in the window.

    Read: the citizen is the first reporter of the case, told that the unit has signed. A response after the window counts too, if
    it is known. One that is not there yet counts, in the open-inclusive mean, to the window's end, or to `as_of` before it.
    """
    for name, case in city.cases.items():
        reported = millis(case.now.reported_at)
        if not within(reported, scope):
            continue
        lead = case.now.lead_report
        signed, told = case.first("CaseSigned"), city.notices[lead].get("SIGNED")
        exclusion, at, amount, open_for = "", reported, 0, 0
        if not lead:
            exclusion = "NO_REPORT"
        elif signed is not None and told is not None:
            at = max(signed, told)
            amount = at - reported
        elif named(case.now, "status") == "MERGED":
            exclusion = "MERGED"  # its reporter is answered by another case
        elif named(case.now, "status") == "NOT_REGISTERED":
            exclusion = "DECLINED"
        elif lead in city.reports and named(city.reports[lead], "status") == "WITHDRAWN":
            exclusion = "WITHDRAWN"
        else:
            exclusion, open_for = "UNANSWERED", min(scope.end, scope.as_of) - reported
        yield Member(name, at, amount, exclusion, group_of(case.now, scope), "", not exclusion, open_for)


def response_beside(members):
    times = sorted(member.amount for member in members if not member.exclusion)
    waits = times + [member.beside for member in members if member.exclusion == "UNANSWERED"]
    beside = {}
    if times:  # Read: the P90 is the smallest time that 90 % do not exceed.
        beside["p90"] = times[math.ceil(len(times) * 9 / 10) - 1] / 60000
    if waits:
        beside["open_inclusive_mean"] = sum(waits) / len(waits) / 60000
    return beside


def due_cases(city, scope):
    """Section 8: cases whose deadline, extensions included, falls in the window, minus 作废, 并案 (merged before they have one), 缓办.

    Read: the deadline and 缓办 as known now. One that lies beyond the calendar is no deadline yet.
    """
    for name, case in city.cases.items():
        due = case.due()
        if not within(due, scope):
            continue
        status, exclusion = named(case.now, "status"), ""
        if status == "NOT_REGISTERED":
            exclusion = "DECLINED"
        elif status == "POSTPONED":
            exclusion = "POSTPONED"
        elif case.clocks["DISPOSAL"].provisional:
            exclusion = "PROVISIONAL"
        ahead = due > scope.as_of and not case.closed(scope)
        yield case, Member(name, due, 1, exclusion, group_of(case.now, scope), "", False, ahead)


def closure(city, scope):
    """Section 8: due cases that are closed by the window's end."""
    for case, member in due_cases(city, scope):
        yield member._replace(numerator=not member.exclusion and case.closed(scope))


def on_time_closure(city, scope):
    """Section 8: the on-time version beside it. Read (1.2): the deadline is kept when the unit fed back before it."""
    for case, member in due_cases(city, scope):
        kept = case.closed(scope) and case.last("CaseClosed").body.on_time
        yield member._replace(numerator=not member.exclusion and kept)


def not_due_yet(members):
    """In no section. Read: what is in the denominator, still open, and may yet be closed in time, for its deadline is ahead."""
    return {"not_due_yet": sum(1 for member in members if not member.exclusion and member.beside)}


def rework(city, scope):
    """Section 1.5: 返工数 by 应处置数. Read: cases that failed an inspection, of the due ones."""
    for case, member in due_cases(city, scope):
        failed = case.first("ReworkOrdered")
        yield member._replace(numerator=not member.exclusion and failed is not None and failed < scope.end)


def overdue_open(city, scope):
    """Section 1.5: 超期未处置, as things stood at the window's end. A clock that stands still is late only if it was before."""
    then = min(scope.end, scope.as_of)
    for name, case in city.at(min(scope.end - 1, scope.as_of)).cases.items():
        clock = case.clocks.get("DISPOSAL")
        if clock is None or clock.provisional or named(clock, "phase") == "STOPPED":
            continue
        if clock.overdue or (named(clock, "phase") == "RUNNING" and millis(clock.due_at) <= then):
            yield Member(name, millis(clock.due_at), 1, "", group_of(case.now, scope), "", True)


def registration(city, scope):
    """Section 1.5: 立案数 by 受理数. Read: of the cases accepted in the window those registered by its end; 并案 are in neither."""
    for name, case in city.cases.items():
        accepted, registered = case.first("CaseAccepted"), case.first("CaseRegistered")
        if within(accepted, scope):
            exclusion = "MERGED" if named(case.now, "status") == "MERGED" else ""
            yield Member(name, accepted, 1, exclusion, group_of(case.now, scope), "",
                         not exclusion and registered is not None and registered < scope.end)


def returns(city, scope):
    """Section 1.5: 退单次数 by 接收数: events by events, so it may exceed 1. The denominator holds dispatches alone."""
    for fact in city.of("CaseReturned", "CaseDispatched"):
        if within(fact.at, scope):
            back, context = fact.type == "CaseReturned", fact.body.context
            yield Member(context.case, fact.at, 1, "", group_of(context, scope), "", back, denominator=not back)


def duplicates(city, scope):
    """In no section: reports that joined an open case, by all that a case took up in the window; each report counts once."""
    for name, fact in city.taken.items():
        if within(fact.at, scope):
            yield Member(name, fact.at, 1, "", group_of(city.context_of(name), scope), "", fact.type == "CaseReportMerged")


def satisfaction(city, scope):
    """Section 8: 很满意+满意+基本满意 by valid answers; this series is the 回访 of cases in the window."""
    for fact in city.of("CaseRevisited"):
        if within(fact.at, scope):
            rating, context = named(fact.body, "rating"), fact.body.context
            yield Member(context.case, fact.at, 1, "" if rating in GRADES else "NO_ANSWER", group_of(context, scope), "",
                         rating in SATISFIED, GRADES.get(rating))


def satisfaction_beside(members):
    grades = [member.beside for member in members if not member.exclusion]
    return {"weighted_score": sum(grades) / len(grades)} if grades else {}


def ai_precision(city, scope):
    """Section 8: alerts confirmed by alerts adjudicated, per class, over 30 days that end with the window or now.

    Read: confirmed means as the class that the model named, else a class could look right by another's. The alerts are those
    raised in the 30 days, so that coverage is a share of the same alerts; reviewed by the end of the 30 days.
    """
    scope = ai_window(scope)
    reviews = {fact.body.alert: fact for fact in city.of("AlertReviewed") if fact.at < scope.end}
    for fact in city.of("AlertRaised"):
        if within(fact.at, scope):
            review = reviews.get(fact.body.alert)
            confirmed = review is not None and named(review.body, "verdict") == "CONFIRMED"
            same = confirmed and review.body.true_camera_class == fact.body.camera_class
            yield Member(fact.body.alert, review.at if review else fact.at, 1, "" if review else "NOT_REVIEWED", "",
                         f"{fact.body.camera_class:02}", same, confirmed and not same)


def ai_window(scope):
    end = min(scope.end, scope.as_of + 1)
    return scope._replace(start=end - 30 * DAY, end=end)


def ai_beside(members):
    reviewed = [member for member in members if not member.exclusion]
    n, beside = len(reviewed), {"review_coverage": len(reviewed) / len(members)}
    if reviewed:
        beside["wilson_lower_95"] = wilson_lower(sum(member.numerator for member in reviewed), n)
        beside["confirmed_as_other_class"] = sum(member.beside for member in reviewed) / n
    return beside


def wilson_lower(hits, n):
    z, p = ONE_SIDED, hits / n
    return (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def reports(series):
    """In no section: reports made in the window, by a word of what they are now; they belong where their case does."""
    def members(city, scope):
        for name, report in city.reports.items():
            at = millis(report.reported_at)
            if within(at, scope):
                yield Member(name, at, 1, "", group_of(city.context_of(name), scope), named(report, series), True)
    return members


def notices(city, scope):
    """In no section: what reporters were told in the window; it belongs where the report's case does."""
    for fact in city.of("ReporterNotified"):
        if within(fact.at, scope):
            report = fact.body.context.report
            yield Member(report, fact.at, 1, "", group_of(city.context_of(report), scope), named(fact.body, "kind"), True)


def summed(kind, amount, name):
    """In no section: an amount of all facts of one kind in the window. None of them belongs to a street, class or unit."""
    def members(city, scope):
        for fact in city.of(kind):
            if within(fact.at, scope):
                yield Member(getattr(fact.body.context, name), fact.at, getattr(fact.body, amount), "", "", "", True)
    return members


Kpi = collections.namedtuple("Kpi", "kind members beside series", defaults=(lambda members: {}, False))
KPIS = {
    "avg_response_time": Kpi("MEAN", response_time, response_beside),
    "closure_rate": Kpi("RATIO", closure, not_due_yet),
    "on_time_closure_rate": Kpi("RATIO", on_time_closure, not_due_yet),
    "overdue_open": Kpi("COUNT", overdue_open),
    "registration_rate": Kpi("RATIO", registration),
    "return_rate": Kpi("RATIO", returns),
    "rework_rate": Kpi("RATIO", rework),
    "duplicate_rate": Kpi("RATIO", duplicates),
    "satisfaction": Kpi("RATIO", satisfaction, satisfaction_beside),
    "ai_precision": Kpi("RATIO", ai_precision, ai_beside, True),
    "reports_by_source": Kpi("COUNT", reports("source"), series=True),
    "reports_by_status": Kpi("COUNT", reports("status"), series=True),
    "notices": Kpi("COUNT", notices, series=True),
    "points_issued": Kpi("SUM", summed("PointsGranted", "points", "account")),
    "points_redeemed": Kpi("SUM", summed("RedemptionCompleted", "points", "account")),
    "points_expired": Kpi("SUM", summed("PointsExpired", "points", "account")),
    "points_reversed": Kpi("SUM", summed("PointsReversed", "points", "account")),
    "volunteering_minutes": Kpi("SUM", summed("ServiceConfirmed", "minutes", "activity")),
}


# The figures.

def parts(kpi, members):
    """The members in numerator, denominator and neither. Counts and sums have a numerator only."""
    rate = KPIS[kpi].kind in ("RATIO", "MEAN")
    return {"NUMERATOR": [member for member in members if member.numerator],
            "DENOMINATOR": [member for member in members if rate and member.denominator and not member.exclusion],
            "EXCLUDED": [member for member in members if member.exclusion]}


def figure(kpi, members):
    kind, split = KPIS[kpi].kind, parts(kpi, members)
    numerator, denominator = sum(member.amount for member in split["NUMERATOR"]), len(split["DENOMINATOR"])
    if kind in ("COUNT", "SUM"):
        value = numerator
    elif denominator:
        value = numerator / denominator / (60000 if kind == "MEAN" else 1)
    else:
        value = None
    return Figure(numerator, denominator, value, dict(collections.Counter(member.exclusion for member in split["EXCLUDED"])),
                  KPIS[kpi].beside(members), kpi == "ai_precision" and denominator < ENOUGH_ALERTS)


def fold(city, scope):
    """By KPI: its members, and its figures by (group, series)."""
    city, answer = city.at(scope.as_of), {}
    for name, kpi in KPIS.items():
        members = list(kpi.members(city, scope))
        by_figure = collections.defaultdict(list)
        if not scope.group_by and not kpi.series:
            by_figure["", ""] = []
        for member in members:
            by_figure[member.group, member.series].append(member)
        answer[name] = members, {key: figure(name, of) for key, of in by_figure.items()}
    return answer


def main(descriptors, events, window, as_of=None):
    with open(descriptors, "rb") as file, open(events, "rb") as more:
        facts = read_facts(file.read(), more.read())
    known = max(fact.at for fact in facts)
    if as_of:
        known = int(datetime.datetime.fromisoformat(as_of).timestamp() * 1000)
    for name, (_, figures) in fold(City(facts), Scope(*month(window), known)).items():
        for (_, series), found in sorted(figures.items()):
            value = "-" if found.value is None else f"{found.value:.4f}".rstrip("0").rstrip(".")
            beside = {key: round(number, 4) for key, number in found.beside.items()}
            print(f"{name + (f' [{series}]' if series else ''):<34} {value:>10} {found.numerator:>12}/{found.denominator:<6}",
                  *(f"{key} {number}" for key, number in [*found.exclusions.items(), *beside.items()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
