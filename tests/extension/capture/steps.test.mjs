import assert from "node:assert/strict";
import { test } from "node:test";
import { NotChecked, Steps } from "../../../extension/capture/steps.js";

test("each step leaves an outcome: passed, failed with the reason, not checked", async () => {
  const seen = [];
  const steps = new Steps({ total: 3, now: () => 0, onProgress: (...call) => seen.push(call) });
  assert.equal(await steps.run("good", 100, async () => "value"), "value");
  assert.equal(await steps.run("bad", 100, async () => { throw new Error('{"code":-32000,"message":"No resource"}'); }), null);
  assert.equal(await steps.run("absent", 100, async () => { throw new NotChecked("no HTTPS"); }), null);
  assert.deepEqual(steps.done, [{ name: "good", outcome: "PASSED", reason: "", ms: 0 }, { name: "bad", outcome: "FAILED", reason: "No resource", ms: 0 },
    { name: "absent", outcome: "NOT_CHECKED", reason: "no HTTPS", ms: 0 }]);
  assert.deepEqual(steps.failed, ["bad"]);
  assert.deepEqual(seen, [["good", 1, 3], ["bad", 2, 3], ["absent", 3, 3]]);
});

test("a step that hangs ends at its limit, is failed, and is told to stop", async () => {
  const steps = new Steps({ total: 1 });
  let told = false;
  const value = await steps.run("slow", 20, (signal) => new Promise(() => { signal.addEventListener("abort", () => { told = true; }); }));
  assert.equal(value, null);
  assert.equal(told, true);
  assert.match(steps.done[0].reason, /20 ms/);
});
