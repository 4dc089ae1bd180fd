"""What happens on the server: one script for each write, so that it happens wholly or not at all.

A transaction (MULTI) cannot branch on the fence. Of each run there are a head (a hash), its events (a stream) and the
keys of those that may come again (a set), in one slot of a cluster:

- `number`: of the stream, drawn by the client, so that a run id that was made again is another stream.
- `first`, `last`: ids of the events that are held. `floor`: later ids are larger, also where `last` was lost.
- `fence`: 20 digits, compared as text, for Lua's numbers are doubles, which cannot tell large fences apart.
- `server`: the run (`run_id`) of the server that wrote last. Another one: the newest writes may be lost.
- `done`: each writer's last batch, so that one that comes again appends nothing. Of the newest fence only.
- `lease`: until when (ms) the run's client is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..stream import LEAP

Word = str | bytes | int


class _Server:
    """Stands for the `run_id` of the server that a command goes to, which only the connection knows."""


SERVER = _Server()

Words = tuple[Word | _Server, ...]
"""A command."""

STREAM_CHANGED, STOP_CHANGED = b"s", b"x"
"""What is said on a run's channel."""


@dataclass(frozen=True)
class Script:
    """A script of the server, called by the hash of its text."""

    text: str

    @cached_property
    def sha(self) -> str:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def call(self, keys: Sequence[str], *arguments: Word | _Server) -> Words:
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


CREATE = Script(
    f"""
-- KEYS: head.  ARGV: server, number, whether it was made before
local found = redis.call('HMGET', KEYS[1], 'last', 'floor', 'server')
local floor = tonumber(found[2] or '0')
if ARGV[3] == '1' and found[3] ~= ARGV[1] then floor = math.max(floor, tonumber(found[1] or '0') + {LEAP}) end
if not found[1] then
  redis.call('HSET', KEYS[1], 'number', ARGV[2], 'first', string.format('%.0f', floor + 1), 'last', '0', 'ended', '0',
    'fence', string.rep('0', 20), 'stop', '0', 'done', '')
end
if not found[1] or ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 'floor', string.format('%.0f', floor), 'server', ARGV[1])
end
"""
)

PUBLISH = Script(
    f"""
-- KEYS: head, stream, keys.  ARGV: server, channel, fence, writer, number of the batch, the last id that the writer was
-- told or '', whether it is the terminal event, then for each event its name or '', '=' and its key or '', its data
local head = redis.call('HMGET', KEYS[1], 'last', 'floor', 'ended', 'fence', 'server', 'done')
if not head[1] then return {{'unknown'}} end
local last, floor, ended = tonumber(head[1]), tonumber(head[2]), head[3] == '1'
local fence, done, terminal = head[4], head[6], ARGV[7] == '1'
if ARGV[3] < fence then return {{'fenced', fence}} end
if ARGV[3] > fence then done = '' end
local mine = tonumber(string.match(done, ARGV[4] .. '=(%d+);') or '0')
if tonumber(ARGV[5]) == mine then return {{'ok', head[1]}} end
if tonumber(ARGV[5]) < mine then return {{'late'}} end  -- of a connection that was given up: nobody hears the answer
if ended and not terminal then return {{'ended'}} end
if ARGV[6] ~= '' then
  floor = math.max(floor, tonumber(ARGV[6]))
elseif head[5] ~= ARGV[1] and last > 0 then
  floor = math.max(floor, last + {LEAP})
end
local before, id = last, math.max(last, floor)
for i = 8, ended and 0 or #ARGV, 3 do
  if (ARGV[i + 1] == '' or redis.call('SADD', KEYS[3], ARGV[i + 1]) == 1) and ARGV[i] ~= '' then
    id = id + 1
    last = id
    redis.call('XADD', KEYS[2], string.format('%.0f-0', id), 'e', ARGV[i], 'd', ARGV[i + 2])
  end
end
if terminal then
  redis.call('UNLINK', KEYS[3])
  redis.call('HDEL', KEYS[1], 'lease')
end
done = string.gsub(done, ARGV[4] .. '=%d+;', '') .. ARGV[4] .. '=' .. ARGV[5] .. ';'
redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last), 'floor', string.format('%.0f', floor),
  'ended', (terminal or ended) and '1' or '0', 'fence', ARGV[3], 'server', ARGV[1], 'done', done)
if last ~= before then redis.call('PUBLISH', ARGV[2], 's') end
return {{'ok', string.format('%.0f', last)}}
"""
)

READ = Script(
    """
-- KEYS: head, stream.  ARGV: position, most events, enough bytes, events looked up at a time
-- One script, because that is one moment: a trim between two looks would look like a hole.
local head = redis.call('HMGET', KEYS[1], 'number', 'first', 'last', 'ended')
if not head[1] then return {} end
local events, size, from = {}, 0, ARGV[1] .. '-0'
while #events < tonumber(ARGV[2]) and size < tonumber(ARGV[3]) do
  local some = redis.call('XRANGE', KEYS[2], '(' .. from, '+', 'COUNT', ARGV[4])
  for _, one in ipairs(some) do
    events[#events + 1] = {one[1], one[2][2], one[2][4]}
    size, from = size + #one[2][4], one[1]
    if size >= tonumber(ARGV[3]) then break end
  end
  if #some < tonumber(ARGV[4]) then break end
end
return {head[1], head[2], head[3], head[4], events}
"""
)

SIZE = Script(
    """
-- KEYS: head, stream.  ARGV: position, most events, enough bytes, events looked up at a time
-- Some of the stream at a time: how many events, their bytes, and the id of the last one, or '' behind the end
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local events, size, from = 0, 0, ARGV[1]
while events < tonumber(ARGV[2]) and size < tonumber(ARGV[3]) do
  local some = redis.call('XRANGE', KEYS[2], '(' .. from, '+', 'COUNT', ARGV[4])
  for _, one in ipairs(some) do
    events, size, from = events + 1, size + #one[2][4], one[1]
  end
  if #some < tonumber(ARGV[4]) then return {events, size, ''} end
end
return {events, size, from}
"""
)

STOP = Script(
    """
-- KEYS: head.  ARGV: channel, level
local stop = redis.call('HGET', KEYS[1], 'stop')
if stop and tonumber(ARGV[2]) > tonumber(stop) then
  redis.call('HSET', KEYS[1], 'stop', ARGV[2])
  redis.call('PUBLISH', ARGV[1], 'x')
end
"""
)

TRIM = Script(
    """
-- KEYS: head, stream.  ARGV: the smallest id to keep
local head = redis.call('HMGET', KEYS[1], 'first', 'last', 'ended')
if not head[1] then return end
local first = math.min(tonumber(ARGV[1]), tonumber(head[2]) + (head[3] == '1' and 0 or 1))
if first > tonumber(head[1]) then
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', first))
  redis.call('HSET', KEYS[1], 'first', string.format('%.0f', first))
end
"""
)

CLEAN_UP = Script(
    """
-- KEYS: head, stream, keys.  ARGV: channel
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
redis.call('PUBLISH', ARGV[1], 's')
"""
)

ATTEND = Script(
    """
-- KEYS: head.  ARGV: milliseconds.  Until when, or nothing for a run that has ended or is unknown
if redis.call('HGET', KEYS[1], 'ended') ~= '0' then return end
local now = redis.call('TIME')
local lease = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'lease', lease)
return lease
"""
)

RUN_OUT = Script(
    """
-- KEYS: leases.  ARGV: how many at most
local now = redis.call('TIME')
local time = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
return {time, redis.call('ZRANGE', KEYS[1], '-inf', time, 'BYSCORE', 'LIMIT', '0', ARGV[1])}
"""
)

TAKE_OUT = Script(
    """
-- KEYS: leases.  ARGV: the time, runs.  One that has been attended since stays
for i = 2, #ARGV do
  local lease = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if lease and tonumber(lease) <= tonumber(ARGV[1]) then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
"""
)

ALL = (CREATE, PUBLISH, READ, SIZE, STOP, TRIM, CLEAN_UP, ATTEND, RUN_OUT, TAKE_OUT)
