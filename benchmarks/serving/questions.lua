-- wrk -s questions.lua URL -- TEXTS PATH KIND [MODEL]: one text a request, each line of TEXTS in turn.
-- KIND is `embed` (OpenAI's body) or `search`. Prints one line of JSON at the end.

local bodies, place = {}, 0

local function escaped(text)
  return '"' .. text:gsub('[\\"]', '\\%0') .. '"'
end

function init(args)
  local path, kind, model = args[2], args[3], args[4] or ""
  for line in io.lines(args[1]) do
    local body
    if kind == "search" then
      body = '{"query": ' .. escaped(line) .. '}'
    else
      body = '{"model": ' .. escaped(model) .. ', "input": [' .. escaped(line) .. ']}'
    end
    bodies[#bodies + 1] = wrk.format("POST", path, {["Content-Type"] = "application/json"}, body)
  end
end

function request()
  place = place % #bodies + 1
  return bodies[place]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.3f, "p95": %.3f, "p99": %.3f, "max": %.3f, ' ..
    '"errors": {"status": %d, "timeout": %d, "connect": %d, "read": %d, "write": %d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.status, errors.timeout, errors.connect, errors.read, errors.write))
end
