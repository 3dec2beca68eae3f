-- SPDX-License-Identifier: GPL-3.0-or-later
-- Decides many checks in one call, one after the other, by Redis's own clock in microseconds.
--
-- KEYS     two a check: the subject's log of charges, its log of denials (one hash tag: one slot)
-- ARGV[1]  the checks, 7 bytes each: plan (1), cost (2), denied (4)
--          denied > 0: that many requests were refused from an agent's memory; note them, charge nothing
-- ARGV[2]  how long a log is kept: the longest window of any plan, so that a change of plan keeps usage
-- ARGV[3+] the plans: anomaly threshold, anomaly window, then limit and window of each limit (8 bytes each)
-- Returns  integers; for each check: wait (0: allowed), anomaly (0 none, 1 found now, 2 found before),
--          then for each limit of the plan: remaining, time until more frees
--
-- A log is a string of 12-byte entries: time (7), sum of all costs so far (5). The first entry is where the sum
-- started from; usage of any window is the difference of two sums, found by binary search. One string instead
-- of a sorted set: two commands a check, a tenth of the memory, and any number of windows read the same log.
local call, unpack, pack, sub = redis.call, struct.unpack, struct.pack, string.sub
local floor, ceil = math.floor, math.ceil

local clock = call('TIME')
local started = clock[1] * 1000000 + clock[2]
local checks, retention = ARGV[1], tonumber(ARGV[2])
local plans, reply, size = {}, {}, 0

local function plan_of(index)
  local plan, text = {}, ARGV[3 + index]
  for at = 1, #text, 8 do plan[#plan + 1] = (unpack('>I8', text, at)) end
  plans[index] = plan
  return plan
end

-- The last of the entries first..last for which time <= moment; `first` stands for all before it.
local function last_until(log, first, last, moment)
  while first < last do
    local middle = ceil((first + last) / 2)
    if unpack('>I7', log, middle * 12 + 1) <= moment then first = middle else last = middle - 1 end
  end
  return first
end

-- The first of the entries first..last whose sum is at least `sum`.
local function first_reaching(log, first, last, sum)
  while first < last do
    local middle = floor((first + last) / 2)
    if unpack('>I5', log, middle * 12 + 8) >= sum then last = middle else first = middle + 1 end
  end
  return first
end

-- Notes denials (those of one second together) and tells whether the subject's requests became abnormal.
local function anomaly_of(key, plan, count, now, admitted_since)
  local threshold, window = plan[1], plan[2]
  local log = call('GET', key) or pack('>I7I7I5', 0, 0, 0)
  local found_until = unpack('>I7', log)
  local entries = sub(log, 8)
  local last = #entries / 12 - 1
  local at, sum = unpack('>I7I5', entries, last * 12 + 1)
  local base = last_until(entries, 0, last, now - window)
  if last > base and now - at < 1000000 then entries = sub(entries, 1, -13) else at = now end
  entries = sub(entries, base * 12 + 1) .. pack('>I7I5', at, sum + count)

  local anomaly = 0
  if now < found_until then
    anomaly = 2
  elseif sum + count - unpack('>I5', entries, 8) + admitted_since(now - window) >= threshold then
    anomaly, found_until = 1, now + window
  end
  call('SET', key, pack('>I7', found_until) .. entries, 'PX', ceil(window / 1000))
  return anomaly
end

for check = 1, #KEYS / 2 do
  local index, cost, denied = unpack('>BI2I4', checks, check * 7 - 6)
  local plan = plans[index] or plan_of(index)
  local key = KEYS[check * 2 - 1]
  local log = call('GET', key)
  local now, first, last, total = started, 0, 0, 0
  if log then
    last = #log / 12 - 1
    local newest
    newest, total = unpack('>I7I5', log, last * 12 + 1)
    if newest > now then now = newest end -- a failover to a slower clock must not unsort the log
    while first < last and unpack('>I7', log, first * 12 + 13) <= now - retention do first = first + 1 end
  end

  local wait, slot = 0, size + 2
  for at = 3, #plan, 2 do
    local limit, window = plan[at], plan[at + 1]
    local used, reset = 0, 0
    if last > first then
      local base = first
      if window < retention then base = last_until(log, first, last, now - window) end
      if base < last then
        used = total - unpack('>I5', log, base * 12 + 8)
        reset = unpack('>I7', log, base * 12 + 13) + window - now
      end
    end
    if used + cost > limit then
      local freeing = first_reaching(log, first + 1, last, total - limit + cost)
      local frees_in = unpack('>I7', log, freeing * 12 + 1) + window - now
      if frees_in > wait then wait = frees_in end
    end
    local remaining = limit - used
    reply[slot + 1] = remaining > 0 and remaining or 0
    reply[slot + 2] = reset
    slot = slot + 2
  end

  local anomaly = 0
  if wait == 0 and denied == 0 then
    if cost > 0 then
      local entry = pack('>I7I5', now, total + cost)
      if not log then
        entry = pack('>I7I5', 0, 0) .. entry
      elseif first > 0 then
        entry = sub(log, first * 12 + 1) .. entry
      else
        entry = log .. entry
      end
      call('SET', key, entry, 'PX', ceil(retention / 1000))
      for at = 3, #plan, 2 do
        local place = size + at
        reply[place] = reply[place] - cost
        if reply[place + 1] == 0 then reply[place + 1] = plan[at + 1] end
      end
    end
  elseif plan[1] > 0 then
    anomaly = anomaly_of(KEYS[check * 2], plan, denied > 0 and denied or 1, now, function(moment)
      return log and last - last_until(log, first, last, moment) or 0
    end)
  end
  reply[size + 1], reply[size + 2] = wait, anomaly
  size = slot
end
return reply
