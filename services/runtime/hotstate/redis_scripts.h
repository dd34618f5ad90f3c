// The Lua calls of redis_hot_state.cc. KEYS: meta, streams, outcomes, policies, rows of one shard.
//
// Values are absolute, so that a call that ran half, or twice, does no harm: what is not below @offset does not count.
#pragma once

namespace civicmesh::redis_scripts {

// ARGV from index i: for each table n, n × (key, value), m, m × key to delete; then n rows to remove, m rows to add.
inline constexpr char kPut[] = R"(
local function put(i)
  for t = 2, 4 do
    local n = tonumber(ARGV[i]); i = i + 1
    for j = i, i + 2 * n - 1, 2 do redis.call('HSET', KEYS[t], ARGV[j], ARGV[j + 1]) end
    i = i + 2 * n
    n = tonumber(ARGV[i]); i = i + 1
    for j = i, i + n - 1 do redis.call('HDEL', KEYS[t], ARGV[j]) end
    i = i + n
  end
  local n = tonumber(ARGV[i]); i = i + 1
  for j = i, i + n - 1 do redis.call('ZREM', KEYS[5], ARGV[j]) end
  i = i + n
  n = tonumber(ARGV[i]); i = i + 1
  for j = i, i + n - 1 do redis.call('ZADD', KEYS[5], 0, ARGV[j]) end
end
local function fenced() return tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') > tonumber(ARGV[1]) end
)";

// ARGV: epoch, expected token, token, blob, changes.
inline constexpr char kFold[] = R"(
if fenced() then return 'FENCED' end
if (redis.call('HGET', KEYS[1], 'token') or '') ~= ARGV[2] then return 'MOVED' end
put(5)
redis.call('HSET', KEYS[1], 'token', ARGV[3], 'blob', ARGV[4], 'fence', ARGV[1])
return 'OK'
)";

// ARGV: epoch, repair id.
inline constexpr char kClear[] = R"(
if fenced() then return 'FENCED' end
redis.call('DEL', unpack(KEYS))
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'repair', ARGV[2])
return 'OK'
)";

// ARGV: epoch, repair id, '1' to finish, token, blob, run id, changes.
inline constexpr char kRefill[] = R"(
if fenced() then return 'FENCED' end
if redis.call('HGET', KEYS[1], 'repair') ~= ARGV[2] then return 'MOVED' end
put(7)
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 'token', ARGV[4], 'blob', ARGV[5], 'fence', ARGV[1], 'verified_run', ARGV[6],
             'verified_repair', ARGV[2])
end
return 'OK'
)";

// ARGV: epoch. KEYS are those of the other fold version.
inline constexpr char kUnverify[] = R"(
if fenced() then return 'FENCED' end
redis.call('HSET', KEYS[1], 'fence', ARGV[1])
redis.call('HDEL', KEYS[1], 'verified_run', 'verified_repair', 'repair')
return 'OK'
)";

inline constexpr char kMeta[] = R"(
local meta = redis.call('HMGET', KEYS[1], 'token', 'blob', 'fence', 'verified_run', 'verified_repair')
)";

// ARGV: which key, then the fields. Answers {meta, values}.
inline constexpr char kRead[] = R"(
local values = {}
for i = 2, #ARGV do values[i - 1] = redis.call('HGET', KEYS[tonumber(ARGV[1])], ARGV[i]) end
return {meta, values}
)";

// ARGV: which key, cursor. Answers {meta, {key, value, …}, cursor}.
inline constexpr char kScan[] = R"(
local piece = redis.call('HSCAN', KEYS[tonumber(ARGV[1])], ARGV[2], 'COUNT', 500)
return {meta, piece[2], piece[1]}
)";

// ARGV: from, to, limit, '1' for descending.
inline constexpr char kRange[] = R"(
if ARGV[4] == '1' then
  return {meta, redis.call('ZREVRANGEBYLEX', KEYS[5], '(' .. ARGV[2], '[' .. ARGV[1], 'LIMIT', 0, ARGV[3])}
end
return {meta, redis.call('ZRANGEBYLEX', KEYS[5], '[' .. ARGV[1], '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])}
)";

}  // namespace civicmesh::redis_scripts
