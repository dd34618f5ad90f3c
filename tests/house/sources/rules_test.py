"""Each rule fails on a small bad example and is content with a good one; the tree breaks none."""
import unittest

import rules
from sources import Source, read_tree

DOMAIN = "services/dispatch/domain/a.cc"


def found(rule, *files):
    return [str(finding) for finding in rule([Source(path, text) for path, text in files])]


class SourceTest(unittest.TestCase):
    def test_code_is_read_without_comments_and_strings(self):
        source = Source("a.cc", '// absl::Now\n/* absl::Now\n*/ f("absl::Now", R"x(absl::Now "\n)x", \'"\', 1\'000\'000); absl::Now();\n'
                                '// #include "no.h"\n#include <vector>\n#include "a/b.h"\n')
        self.assertEqual(source.lines_with("absl::Now"), [(4, "absl::Now")])
        self.assertEqual([text for _, text in source.strings if "Now" in text], ['"absl::Now"', 'R"x(absl::Now "\n)x"'])
        self.assertEqual(source.includes, [(6, "vector"), (7, "a/b.h")])


class RuleTest(unittest.TestCase):
    def bad(self, rule, path, text):
        self.assertEqual(len(found(rule, (path, text))), 1, f"{path}: {text}")

    def good(self, rule, path, text):
        self.assertEqual(found(rule, (path, text)), [], f"{path}: {text}")

    def test_layering(self):
        def include(name):
            return f'#include "{name}"\n'
        for path, name in [
                ("services/runtime/base/a.h", "services/runtime/decider/decision.h"),
                ("services/runtime/journal/a.h", "services/runtime/hotstate/hot_state.h"),
                ("services/runtime/hotstate/a.h", "services/runtime/shard/worker.h"),
                ("services/runtime/shard/a.cc", "services/runtime/rpc/call.h"),
                ("services/runtime/decider/a.h", "services/runtime/workcalendar/time_limit.h"),
                ("services/runtime/shard/a.cc", "services/dispatch/dispatch_rpc.h"),
                ("services/runtime/rpc/a.cc", "civicmesh/dispatch/v1/dispatch_events.pb.h"),
                ("services/dispatch/a.cc", "services/points/domain/account.h"),
                ("services/dispatch/a.cc", "civicmesh/points/v1/points_journal.pb.h"),
                ("services/dispatch/a.cc", "civicmesh/points/v1/points_service.grpc.pb.h"),
                ("services/dispatch/a.cc", "services/civicctl/command.h"),
                ("services/civicctl/a.cc", "services/dispatch/dispatch_rpc.h"),
                ("services/dispatch/a.cc", "tests/simulation/world.h")]:
            self.bad(rules.layering, path, include(name))
        for path, name in [
                ("services/runtime/shard/a.h", "services/runtime/journal/journal.h"),
                ("services/runtime/rpc/a.cc", "civicmesh/log/v1/log.pb.h"),
                ("services/dispatch/a.cc", "civicmesh/intake/v1/intake_events.pb.h"),
                ("services/dispatch/a.cc", "services/dispatch/domain/rules.h"),
                ("services/civicctl/a.cc", "services/points/domain/account.h"),
                ("services/civicctl/a.cc", "services/points/points_reference.h"),
                ("services/civicctl/a.cc", "civicmesh/points/v1/points_journal.pb.h"),
                ("services/dispatch/a_test.cc", "tests/simulation/world.h"),
                ("tests/simulation/a.cc", "services/dispatch/domain/rules.h")]:
            self.good(rules.layering, path, include(name))

    def test_domain_is_pure(self):
        for header in ["thread", "chrono", "unistd.h", "grpcpp/grpcpp.h", "absl/time/clock.h", "absl/synchronization/mutex.h",
                       "civicmesh/dispatch/v1/dispatch_service.grpc.pb.h", "civicmesh/intake/v1/intake_events.pb.h",
                       "civicmesh/log/v1/log.pb.h", "services/dispatch/dispatch_rpc.h", "services/runtime/base/clock.h",
                       "services/runtime/shard/worker.h", "services/runtime/decider/given_when_then.h", "nlohmann/json.hpp",
                       "services/intake/text/masking.h"]:
            self.bad(rules.domain_is_pure, DOMAIN, f"#include <{header}>\n")
            self.good(rules.domain_is_pure, "services/dispatch/a.cc", f"#include <{header}>\n")
            self.good(rules.domain_is_pure, "services/dispatch/domain/a_test.cc", f"#include <{header}>\n")
        for header in ["vector", "absl/time/time.h", "google/protobuf/timestamp.pb.h", "civicmesh/dispatch/v1/dispatch_journal.pb.h",
                       "civicmesh/type/v1/type.pb.h", "services/runtime/decider/decision.h", "services/runtime/base/ids.h",
                       "services/runtime/workcalendar/time_limit.h", "services/dispatch/domain/rules.h"]:
            self.good(rules.domain_is_pure, DOMAIN, f"#include <{header}>\n")

        events = "#include <civicmesh/intake/v1/intake_events.pb.h>\n"
        self.good(rules.domain_is_pure, "services/analytics/domain/a.cc", events)
        self.bad(rules.domain_is_pure, "services/analytics/domain/a.cc", events.replace("events", "journal"))

    def test_client_headers(self):
        kafka, redis = "#include <librdkafka/rdkafka.h>\n", "#include <hiredis/hiredis.h>\n"
        self.bad(rules.client_headers, "services/runtime/journal/journal.h", kafka)
        self.bad(rules.client_headers, "services/runtime/journal/kafka_reader.cc", redis)
        self.bad(rules.client_headers, "services/dispatch/kafka_shortcut.cc", kafka)
        self.bad(rules.client_headers, "tests/integration/a.cc", redis)
        self.good(rules.client_headers, "services/runtime/journal/kafka_reader.cc", kafka)
        self.good(rules.client_headers, "services/runtime/hotstate/redis_hot_state_test.cc", redis)

    def test_literals(self):
        for text in ['"civicmesh.dispatch.events.v1"', '"civicmesh.intake.keys.v1"', '"civicmesh:intake:v1:{3}:"',
                     'StrCat("civicmesh.", d, ".journal.v1")', '"civicmesh.%s.commands.v1"']:
            self.bad(rules.literals, "services/dispatch/a.cc", f"auto a = {text};\n")
            self.good(rules.literals, "services/runtime/base/names.cc", f"auto a = {text};\n")
            self.good(rules.literals, "services/dispatch/a_test.cc", f"auto a = {text};\n")
            self.good(rules.literals, "services/dispatch/a.cc", f"// {text}\n")
        self.good(rules.literals, "services/dispatch/a.cc", 'auto a = "civicmesh.dispatch.v1.CaseOpened";\n')

    def test_clocks(self):
        for text in ["std::chrono::system_clock::now()", "absl::Now()", "time(nullptr)", "Clock::Real()"]:
            self.bad(rules.clocks, DOMAIN, text)
            self.bad(rules.clocks, "services/runtime/shard/deciding.cc", text)
            self.good(rules.clocks, "services/runtime/shard/worker.cc", text)
            self.good(rules.clocks, "services/runtime/shard/a_test.cc", text)
            self.good(rules.clocks, "services/dispatch/dispatch_rpc.cc", text)
            self.good(rules.clocks, DOMAIN, f"// {text}")
        self.bad(rules.clocks, DOMAIN, "steady_clock::now()")
        self.good(rules.clocks, "services/runtime/shard/deciding.cc", "steady_clock::now()")
        self.bad(rules.clocks, "services/runtime/base/clock.cc", "an exception for nothing")

    def test_sleeping(self):
        for text in ["std::this_thread::sleep_for(1s)", "absl::SleepFor(d)", "usleep(1)", "::nanosleep(a, b)", "sleep(1)"]:
            for path in [DOMAIN, "services/runtime/shard/worker.cc", "tests/integration/a_test.cc"]:
                self.bad(rules.sleeping, path, text + ";")
        self.good(rules.sleeping, DOMAIN, 'f("sleep(1)"); x.sleep(1); asleep(2);')
        self.bad(rules.sleeping, "services/civicctl/load.cc", "an exception for nothing")

    def test_folds_forget_nothing(self):
        switch = "switch (event.fact_case()) {{ case A: {{ return 1; }} {} }} switch (x) {{ default: return 2; }}"
        self.bad(rules.folds_forget_nothing, DOMAIN, switch.format("default: return 3;"))
        self.good(rules.folds_forget_nothing, DOMAIN, switch.format(""))

    def test_headers(self):
        self.bad(rules.headers, "services/a/a.h", "#pragma once\n\n#pragma once\n// What it is.\n")
        self.bad(rules.headers, "services/a/a.h", "// What it is.\nint f();\n")
        self.good(rules.headers, "services/a/a.h", "// What it is.\n#pragma once\n")
        self.good(rules.headers, "services/a/a.cc", "int f();\n")

    def test_unfinished(self):
        self.bad(rules.unfinished, "services/a/a.cc", "// TO" + "DO: the rest\n")
        self.good(rules.unfinished, "services/a/a.cc", "// all done\n")

    def test_sizes(self):
        self.bad(rules.sizes, "services/a/a.h", "\n" * 151)
        self.good(rules.sizes, "services/a/a.h", "\n" * 150)
        self.bad(rules.sizes, "services/a/main.cc", "\n" * 61)
        self.good(rules.sizes, "services/a/a.cc", "\n" * 1000)


class TreeTest(unittest.TestCase):
    maxDiff = None

    def test_the_tree_breaks_no_rule(self):
        tree = read_tree()
        self.assertGreater(len(tree), 100)
        self.assertEqual([], [f"{finding} ({rule.__name__})" for rule in rules.RULES for finding in rule(tree)])

    def test_every_exception_names_a_file(self):
        paths = {source.path for source in read_tree()}
        self.assertLessEqual(set(rules.MAY_ASK_THE_TIME) | set(rules.MAY_SLEEP), paths)

    def test_sizes_are_told(self):
        for finding in rules.sizes(read_tree()):
            print("warning:", finding)


if __name__ == "__main__":
    unittest.main()
