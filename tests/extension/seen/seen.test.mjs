import assert from "node:assert/strict";
import { test } from "node:test";
import { readLoadedImage } from "../../../extension/capture/firefox/loadedimage.js";
import { wishOf } from "../../../extension/menus.js";
import { ServiceClient } from "../../../extension/queue/client.js";
import { SealError } from "../../../extension/seal/errors.js";
import { countPlaces, parseSeen } from "../../../extension/seen/answer.js";

const DIGEST = "a".repeat(64);
const place = (change = {}) => ({ capture_id: DIGEST, capture_title: "A page", page_url: "https://a.test/", captured_at: "2026-01-02T03:04:05Z", ...change });
const match = (change = {}) => ({ kind: "exact", image: { sha256: DIGEST }, cluster_id: null, sightings: [place()], hidden: 0, ...change });
const answer = (...matches) => ({ matches, searched: 7 });

test("what the service says is read, and identical stays apart from similar", () => {
  const seen = parseSeen(answer(match(), match({ kind: "same", hidden: 2 }), match({ kind: "variant" })));
  assert.deepEqual(seen.matches.map(({ kind }) => kind), ["exact", "same", "variant"]);
  assert.deepEqual(seen.matches[0].places[0], { captureId: DIGEST, title: "A page", pageUrl: "https://a.test/", capturedAt: "2026-01-02T03:04:05Z" });
  assert.equal(countPlaces(seen), 4, "what only resembles it is not counted as seen");
  assert.equal(countPlaces(parseSeen(answer(match({ kind: "variant" })))), 0);
});

test("an answer that is not one is refused, never read as nothing found", () => {
  const wrong = [null, {}, { matches: [] }, { matches: {}, searched: 1 }, answer(null), answer(match({ kind: "identical" })), answer(match({ image: { sha256: "../x" } })),
    answer(match({ sightings: "none" })), answer(match({ hidden: null })), answer(match({ sightings: [place({ capture_id: "javascript:x" })] })), answer(match({ sightings: [place({ captured_at: "then" })] })),
    { ...answer(), notes: "animated" }, { ...answer(), notes: [7] }];
  for (const one of wrong) assert.throws(() => parseSeen(one), SealError, JSON.stringify(one));
  assert.equal(parseSeen(answer(match({ cluster_id: "../../x" }))).matches[0].clusterId, null);
});

test("what was done before comparing is told, and a shared case is", () => {
  const seen = parseSeen({ ...answer(match({ is_shared: true }), match()), notes: ["animated: only the first frame is compared", "x".repeat(999), ..."abcdefghij"] });
  assert.deepEqual(seen.matches.map(({ isShared }) => isShared), [true, false]);
  assert.deepEqual([seen.notes.length, seen.notes[0], seen.notes[1].length], [8, "animated: only the first frame is compared", 200]);
  assert.deepEqual(parseSeen(answer()).notes, [], "an older service says none");
});

test("an answer without end is cut, and says so; what is cut of its places is counted", () => {
  const seen = parseSeen(answer(...Array.from({ length: 500 }, () => match({ sightings: Array.from({ length: 500 }, () => place()) }))));
  assert.deepEqual([seen.matches.length, seen.matches[0].places.length, seen.matches[0].unlisted, seen.isPartial], [60, 200, 300, true]);
  assert.equal(countPlaces(seen), 60 * 500);
});

test("an answer that the service calls truncated is never read as the whole", () => {
  const said = [{ truncated: true }, { truncated: false }, {}].map((more) => parseSeen({ ...answer(match()), ...more }).isPartial);
  assert.deepEqual(said, [true, false, false], "an older service says nothing of it");
  assert.equal(parseSeen({ ...answer(), truncated: true }).isPartial, true, "nothing found, and not everything compared");
  assert.equal(parseSeen(answer(...Array(60).fill(match()))).isPartial, false);
  for (const wrong of [null, 1, "yes"]) assert.throws(() => parseSeen({ ...answer(), truncated: wrong }), SealError);
});

test("the picture goes to the service of the pairing, as bytes", async () => {
  const calls = [];
  const fetch = async (url, init) => {
    calls.push([url, init.method, init.headers.get("Authorization"), init.credentials, await init.body.text()]);
    return new Response(JSON.stringify(answer()), { status: 200 });
  };
  const said = await new ServiceClient({ serverUrl: "https://s.test", token: "t", fetch }).searchImage(new Blob(["bytes"]));
  assert.deepEqual(calls, [["https://s.test/api/v1/images/search", "POST", "Bearer t", "omit", "bytes"]]);
  assert.deepEqual(parseSeen(said).matches, []);
});

test("the menu asks about a picture, and about nothing else", () => {
  const click = { menuItemId: "seen-before", srcUrl: "https://a.test/p.png", pageUrl: "https://a.test/", frameId: 0 };
  assert.deepEqual(wishOf(click), { kind: "seen", srcUrl: "https://a.test/p.png", frameUrl: "https://a.test/", frameId: 0 });
  assert.equal(wishOf({ ...click, srcUrl: undefined }), null);
});

const hop = (change = {}) => ({ id: "1", tabId: 3, url: "https://a.test/p.png", type: "image", redirectTo: null, error: null,
  body: { state: "complete", sizeBytes: 3, chunks: [new Uint8Array([1, 2]), new Uint8Array([3])] }, ...change });
const ask = (exchanges, srcUrl = "https://a.test/p.png#x") => readLoadedImage(3, { wish: { srcUrl, frameUrl: "", frameId: 0 }, mayRefetch: true, buffer: { state: { exchanges } } });

test("in Firefox the bytes are those that the page loaded, whole, of this tab", async () => {
  assert.deepEqual(await ask([hop()]), { bytes: new Uint8Array([1, 2, 3]), source: "load" });
  assert.deepEqual((await ask([hop({ redirectTo: "https://b.test/q.png" }), hop({ url: "https://b.test/q.png" })])).bytes.length, 3, "after a redirect");
  for (const other of [hop({ tabId: 4 }), hop({ type: "xmlhttprequest" }), hop({ error: "NS_ERROR" }), hop({ url: "https://a.test/other.png" }),
    hop({ body: { state: "streaming", sizeBytes: 3, chunks: [] } }), hop({ body: { state: "gone", sizeBytes: 0, chunks: [] } })]) assert.equal(await ask([other]), null);
  assert.equal(await readLoadedImage(3, { wish: { srcUrl: "https://a.test/p.png", frameUrl: "", frameId: 0 }, mayRefetch: true, buffer: null }), null);
  assert.equal((await ask([], "data:image/gif;base64,R0lG")).source, "load");
});
