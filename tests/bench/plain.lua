-- The same request again and again; prints one line of JSON at the end.
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout
  io.write(string.format('JSON {"rate": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests / summary.duration * 1e6, failed, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
