import assert from "node:assert/strict";
import { test } from "node:test";
import { CALLS, LARGE, makeBench, queueCapture, sealedSoundly } from "./bench.mjs";

test("a capture goes out: commit first, artifacts, seal; both receipts verified and kept", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  await bench.pump();
  await sealedSoundly(bench, captureId);
  assert.deepEqual(bench.service.calls.map((call) => call.split(" ")[0]), ["POST", "POST", "PUT", "PUT", "POST"]);
});

for (const [name, match] of Object.entries(CALLS)) {
  for (const when of ["before", "after"]) {
    test(`connection lost ${when} ${name} was acted on: repeated, nothing twice`, async () => {
      const bench = await makeBench();
      const captureId = await queueCapture(bench, { "screenshot.viewport.png": new Uint8Array(10), "page.wacz": new Uint8Array(LARGE) });
      bench.service.fail(match, when);
      await bench.pump();
      const item = await bench.store.readItem(captureId);
      assert.equal(item.reason, "unreachable");
      assert.notEqual(item.state, "failed", "no connection is not a failure");
      for (const { sha256 } of item.artifacts) assert.ok(await bench.store.readPayload(captureId, sha256), "nothing is let go before the seal");
      await bench.pump();
      assert.notEqual((await bench.store.readItem(captureId)).state, "sealed", "the wait is kept");
      bench.wait(3000);
      await bench.pump();
      await sealedSoundly(bench, captureId);
    });
  }
}

for (const [name, match] of Object.entries(CALLS)) {
  test(`worker killed while ${name} is under way: the next worker ends at the same place`, async () => {
    const bench = await makeBench();
    const captureId = await queueCapture(bench, { "screenshot.viewport.png": new Uint8Array(10), "page.wacz": new Uint8Array(LARGE) });
    // A killed worker never comes back from its request: its pump hangs for ever, and the browser frees its locks.
    const { promise: reached, resolve } = Promise.withResolvers?.() ?? withResolvers();
    const real = bench.service.fetch;
    bench.service.fetch = async (url, init) => {
      const answer = await real(url, init);
      if (match.test(`${init.method ?? "GET"} ${new URL(url).pathname}`)) {
        resolve();
        return new Promise(() => undefined);
      }
      return answer;
    };
    void bench.pump();
    await reached;
    bench.service.fetch = real;
    bench.locks.held.clear();
    await bench.reopen();
    await bench.pump();
    await sealedSoundly(bench, captureId);
  });
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

test("a resumed upload sends only the chunks the service lacks", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench, { "page.wacz": new Uint8Array(LARGE).fill(3) });
  let patches = 0;
  const real = bench.service.fetch;
  bench.service.fetch = (url, init) => {
    if (init.method === "PATCH" && (patches += 1) === 2) return Promise.reject(new TypeError("Failed to fetch"));
    return real(url, init);
  };
  await bench.pump();
  bench.wait(3000);
  await bench.pump();
  await sealedSoundly(bench, captureId);
  assert.equal(bench.service.count(CALLS.patch), 3, "three chunks, each arrived once");
  assert.equal(bench.service.count(CALLS.open), 1);
});

test("an upload the service has forgotten is opened anew", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench, { "page.wacz": new Uint8Array(LARGE) });
  bench.service.fail(CALLS.patch, "before");
  await bench.pump();
  bench.service.uploads.clear();
  for (let tries = 0; tries < 3; tries += 1) {
    bench.wait(10_000);
    await bench.pump();
  }
  await sealedSoundly(bench, captureId);
});

test("artifacts the service lost again are sent again, with waits between", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  const real = bench.service.fetch;
  bench.service.fetch = async (url, init) => {
    if (/\/seal$/.test(url)) {
      bench.service.fetch = real;
      for (const capture of bench.service.captures.values()) capture.blobs.clear();
    }
    return real(url, init);
  };
  await bench.pump();
  assert.equal((await bench.store.readItem(captureId)).missing.length, 2);
  bench.wait(3000);
  await bench.pump();
  await sealedSoundly(bench, captureId);
});

test("one pump at a time: ten at once send nothing twice", async () => {
  const bench = await makeBench();
  const captureId = await queueCapture(bench);
  await Promise.all(Array.from({ length: 10 }, (_, at) => bench.pump({ patient: at % 2 === 0 })));
  await sealedSoundly(bench, captureId);
  assert.equal(bench.service.count(CALLS.commit), 1);
  assert.equal(bench.service.count(CALLS.put), 2);
});

test("a commit does not wait behind another capture's upload", async () => {
  const bench = await makeBench();
  await queueCapture(bench, { "page.wacz": new Uint8Array(LARGE) });
  const real = bench.service.fetch;
  let later;
  bench.service.fetch = async (url, init) => {
    if (init.method === "PATCH" && later === undefined) {
      later = await queueCapture(bench, { "page.wacz": new Uint8Array(20) });
      void bench.pump();
      while ((await bench.store.readItem(later)).committed === null) await new Promise((go) => setTimeout(go, 5));
    }
    return real(url, init);
  };
  await bench.pump();
  assert.equal((await bench.store.readItem(later)).state, "sealed");
});
