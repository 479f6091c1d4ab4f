-- The requests that wrk sends: wrk -s vms.lua URL -- MODE TOKEN-FILE [FIRST [COUNT]]
-- MODE: `read`  GET /v1/vms, each request with the next token of the file
--       `create` POST /v1/vms, each with another token of the file, in a scattered order
--       `churn`  a POST, then the DELETE of a VM that was created, in turns, all with the first token
-- FIRST and COUNT choose the tokens. Prints one line of JSON at the end.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

local body = '{"vm_type":"VmTotebox","ram_mb":512,"vcpu_count":1,"disk_gb":8}'
local post, delete_head, created, next_token, stride = {}, {}, {}, 0, 1

local function load_tokens(path, first, count)
  local tokens, line = {}, 0
  for token in io.lines(path) do
    if line >= first and #tokens < count then tokens[#tokens + 1] = token end
    line = line + 1
  end
  return tokens
end

-- A step through all tokens that is prime to their number, so that neighbours are far apart.
local function stride_of(count)
  local function gcd(a, b) return b == 0 and a or gcd(b, a % b) end
  local step = math.max(1, math.floor(count * 0.618))
  while gcd(step, count) ~= 1 do step = step + 1 end
  return step
end

function init(arguments)
  mode = arguments[1]
  local tokens = load_tokens(arguments[2], tonumber(arguments[3] or 0), tonumber(arguments[4] or 1e9))
  stride = mode == "create" and stride_of(#tokens) or 1
  next_token = math.floor(#tokens * number / 2) % #tokens
  for i, token in ipairs(tokens) do
    local headers = {["Authorization"] = "Bearer " .. token}
    if mode == "read" then
      post[i] = wrk.format("GET", "/v1/vms", headers)
    else
      delete_head[i] = headers
      headers["Content-Type"] = "application/json"
      post[i] = wrk.format("POST", "/v1/vms", headers, body)
    end
  end
  if mode == "churn" then
    response = function(status, headers, text)
      if status == 201 then created[#created + 1] = text:match('"vm_id":"([^"]+)"') end
    end
  end
end

function request()
  if #created > 0 then return wrk.format("DELETE", "/v1/vms/" .. table.remove(created), delete_head[1]) end
  next_token = (next_token + stride) % #post
  return post[next_token + 1]
end

function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout
  io.write(string.format('JSON {"rate": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests / summary.duration * 1e6, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
