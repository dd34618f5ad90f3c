// Seeded schedules of the real shard code. A failure prints the fewest steps of its seed that still break, and the
// command that plays them again.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/simulation/world.h"

namespace civicmesh::simulation {
namespace {

constexpr int kSteps[] = {150, 400, 900, 2000};

int Number(const char* variable, int otherwise) {
  const char* value = std::getenv(variable);
  return value ? std::atoi(value) : otherwise;
}

World::Weather WeatherOf(int seed) { return static_cast<World::Weather>(seed % 3); }

// Empty where all is well, else the broken invariant.
std::string Violation(int seed, int steps) {
  World world(seed, steps, {}, WeatherOf(seed));
  world.Run();
  return world.verdict.violation;
}

// Fewer steps of this seed that still break it, and how to play them again.
std::string Shrink(int seed, int steps) {
  int low = 1, high = steps;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (Violation(seed, middle).empty())
      low = middle + 1;
    else
      high = middle;
  }
  return Violation(seed, high) + "\n  CIVICMESH_SIMULATION_FIRST=" + std::to_string(seed) +
         " CIVICMESH_SIMULATION_SEEDS=1 CIVICMESH_SIMULATION_STEPS=" + std::to_string(high) +
         " build/release/bin/protocol_simulation_test --gtest_filter=*AllRulesHold\n";
}

TEST(ProtocolSimulation, AllRulesHold) {
  const int seeds = Number("CIVICMESH_SIMULATION_SEEDS", 3000);
  const int first = Number("CIVICMESH_SIMULATION_FIRST", 0);
  int64_t answers = 0, records = 0, epochs = 0, losses = 0;
  for (int seed = first; seed < first + seeds; ++seed) {
    const int steps = Number("CIVICMESH_SIMULATION_STEPS", kSteps[seed & 3]);
    World world(seed, steps, {}, WeatherOf(seed));
    world.Run();
    answers += world.answers;
    records += world.records;
    epochs += world.epochs;
    losses += world.losses;
    EXPECT_TRUE(world.verdict.ok()) << "seed " << seed << ", " << steps << " steps: " << world.verdict.violation << "\n"
                                    << Shrink(seed, steps);
    if (HasFailure()) break;
  }
  std::printf("%d schedules: %ld answers, %ld records, %ld epochs, %ld stops for loss\n", seeds, answers, records,
              epochs, losses);
  EXPECT_GT(answers, seeds) << "the schedules do nothing";
}

struct Mutant {
  const char* name;
  bool Rules::*rule;
  World::Weather weather = World::Weather::kMixed;
};

class Mutants : public testing::TestWithParam<Mutant> {};

TEST_P(Mutants, IsCaughtByANamedInvariant) {
  Rules rules;
  rules.*GetParam().rule = false;
  const int seeds = Number("CIVICMESH_MUTANT_SEEDS", 3000);
  std::map<std::string, int> by;
  for (int seed = 0; seed < seeds && by.empty(); ++seed) {
    World world(seed, kSteps[seed & 3], rules, GetParam().weather);
    world.Run();
    if (!world.verdict.ok()) {
      ++by[world.verdict.violation.substr(0, world.verdict.violation.find(':'))];
      std::printf("without %s: seed %d, %s\n", GetParam().name, seed, world.verdict.violation.c_str());
    }
  }
  EXPECT_FALSE(by.empty()) << "nothing breaks without this rule in " << seeds << " schedules";
}

// Not here: fence (R5), which the checkpoint of R6 and the expected @offset imply for safety, as the model found.
#define MUTANT(rule) \
  Mutant { #rule, &Rules::rule }
INSTANTIATE_TEST_SUITE_P(
    Rules, Mutants,
    testing::Values(MUTANT(content_wait), MUTANT(content_ready), MUTANT(content_address), MUTANT(activate_ahead),
                    MUTANT(valid_from), MUTANT(versions_used), MUTANT(unverify), MUTANT(unverify_first), MUTANT(seq),
                    MUTANT(readback), MUTANT(mem_drop), MUTANT(order), MUTANT(dup_wait), MUTANT(checkpoint),
                    MUTANT(skip), MUTANT(offset_first), MUTANT(scan_verify),
                    Mutant{"cas", &Rules::cas, World::Weather::kLateCalls}, MUTANT(cover), MUTANT(repair_readback),
                    MUTANT(drain), MUTANT(ahead), MUTANT(timer_first), MUTANT(timer_now_max), MUTANT(stale),
                    MUTANT(stale_unknown), MUTANT(window_fold), MUTANT(policy_highest),
                    Mutant{"hash_check", &Rules::hash_check, World::Weather::kCuts},
                    Mutant{"explained", &Rules::explained, World::Weather::kCuts},
                    Mutant{"resume_check", &Rules::resume_check, World::Weather::kCuts},
                    Mutant{"inbox_id_check", &Rules::inbox_id_check, World::Weather::kCuts},
                    Mutant{"publish_check", &Rules::publish_check, World::Weather::kCuts},
                    Mutant{"publish_topic", &Rules::publish_topic, World::Weather::kCuts}, MUTANT(previous_seq)),
    [](const auto& about) { return about.param.name; });

}  // namespace
}  // namespace civicmesh::simulation
