"""The service worker of the replay origin: the player's own, unchanged, and before it a guard over everything that it answers.

The player lets captured pages open WebSockets to anywhere. The guard puts one strict policy on every answer, so that a captured
document has ours. It is a file of its own, beside the player's, which is loaded as it was published.
"""

from storage.waczstill import STILL_HEADER

PLAYER_WORKER = "player.js"
# What a captured document may do: run its scripts and show what the archive holds. No address but its own origin's.
CAPTURED_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:; frame-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; form-action 'self'; sandbox allow-scripts allow-same-origin"
)
# What a document as it stood may do: the same, without any script. Its frames of srcdoc, data and blob inherit this.
STILL_POLICY = CAPTURED_POLICY.replace("; connect-src", "; script-src 'none'; connect-src", 1)
GUARD = f"""// Every answer of the player gets this policy; see docs/adr/0011.
const policy = {CAPTURED_POLICY!r};
const stillPolicy = {STILL_POLICY!r};
const guarded = (answer) => {{
  if (answer.status < 200) return answer; // an error, or one that only points elsewhere
  const headers = new Headers(answer.headers);
  for (const name of ["link", "refresh", "nel", "report-to", "reporting-endpoints", "clear-site-data"]) headers.delete(name);
  headers.set("content-security-policy", headers.has({STILL_HEADER!r}) ? stillPolicy : policy);
  headers.set("referrer-policy", "no-referrer");
  headers.set("x-dns-prefetch-control", "off");
  const empty = [204, 205, 304].includes(answer.status);
  return new Response(empty ? null : answer.body, {{ status: answer.status, statusText: answer.statusText, headers }});
}};
if (self.FetchEvent) {{ // the player also runs this file as a plain worker, which answers nobody
  const answered = FetchEvent.prototype.respondWith;
  FetchEvent.prototype.respondWith = function (answer) {{
    return answered.call(this, Promise.resolve(answer).then(guarded));
  }};
}}
importScripts("./{PLAYER_WORKER}");
"""
