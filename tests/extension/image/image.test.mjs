import assert from "node:assert/strict";
import { test } from "node:test";
import { PickedImage } from "../../../extension/capture/images/picked.js";
import { bytesOfDataUrl, sniffImage } from "../../../extension/capture/images/type.js";
import { SecretStripper } from "../../../extension/capture/secrets/stripper.js";
import { wishOf } from "../../../extension/menus.js";
import { buildStatement } from "../../../extension/seal/statement.js";
import { growth } from "../capture/growth.mjs";
import { FACTS } from "../queue/bench.mjs";

const latin1 = (text) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const PNG = latin1("\x89PNG\r\n\x1a\n....");
const URL_OF = "https://a.test/ferry.png";
const stripper = () => new SecretStripper({ key: new Uint8Array(32) });
const body = (change = {}) => ({ url: URL_OF, type: "Image", mime: "image/png", source: "live_memory", bytes: PNG, text: null, exact: true, note: "", ...change });
const pick = (change = {}) => new PickedImage({ wish: { srcUrl: `${URL_OF}#x`, frameUrl: "https://a.test/", frameId: 0 }, place: { box: { x: 1, y: 2, width: 3, height: 4 }, matches: 1, reason: "" }, mayRefetch: false, ...change });

const TYPES = [["\x89PNG\r\n\x1a\n", "png"], ["\xff\xd8\xff\xe0", "jpg"], ["GIF89a", "gif"], ["RIFF\x01\x02\x03\x04WEBPVP8 ", "webp"], ["\0\0\0\x20ftypavif", "avif"],
  ["\0\0\0\x18ftypheic", "heic"], ["\xff\x0a..", "jxl"], ["\0\0\x01\0\x01", "ico"], ["BM\x01\x02\x03\x04\0\0\0\0", "bmp"], ["<svg xmlns='x'>", "svg"],
  ["\xef\xbb\xbf <?xml version='1.0'?>\n<!-- by hand -->\n<svg>", "svg"], ["<!doctype html><svg>", "bin"], ["", "bin"], ["PNG", "bin"]];
test("the type of a picture is what its bytes say", () => {
  for (const [bytes, ext] of TYPES) assert.equal(sniffImage(latin1(bytes)).ext, ext, JSON.stringify(bytes));
});

test("sniffing hostile bytes costs no more than their length", () => {
  for (const part of ["<!--", "<?xml ", " "]) {
    assert.ok(growth(40_000, (size) => {
      const bytes = latin1(part.repeat(size));
      return () => sniffImage(bytes);
    }) < 10, part);
  }
});

test("a picture that stands in its own address has its bytes there", () => {
  assert.deepEqual(bytesOfDataUrl(`data:image/png;base64,${btoa(String.fromCharCode(...PNG))}`), PNG);
  assert.deepEqual(bytesOfDataUrl("data:image/svg+xml,%3Csvg%3E#f"), latin1("<svg>"));
  assert.deepEqual([bytesOfDataUrl("https://a.test/"), bytesOfDataUrl("data:image/png;base64,***"), bytesOfDataUrl("data:nothing")], [null, null, null]);
  const inline = pick({ wish: { srcUrl: `data:image/png;base64,${btoa(String.fromCharCode(...PNG))}`, frameUrl: "", frameId: 0 } });
  assert.equal(inline.artifact(stripper()).name, "image.1.png");
});

test("the body of the load is the artifact, byte for byte, with its source; the address may answer after a redirect", async () => {
  for (const [read, answered] of [[body(), URL_OF], [body({ url: "https://cdn.test/1" }), URL_OF]]) {
    const picked = pick();
    picked.offer(read, answered);
    const artifact = picked.artifact(stripper());
    assert.deepEqual([artifact.role, artifact.name, artifact.mediaType], ["image", "image.1.png", "image/png"]);
    assert.deepEqual(new Uint8Array(await artifact.blob.arrayBuffer()), PNG);
    const { source, exact, box, reason } = picked.selection(stripper(), artifact.name);
    assert.deepEqual([source, exact, box, reason], ["live_memory", true, { x: 1, y: 2, width: 3, height: 4 }, ""]);
  }
});

test("other bodies are not taken: another address, the same address fetched by a script", () => {
  const picked = pick();
  picked.offer(body({ url: "https://a.test/other.png" }), "https://a.test/other.png");
  picked.offer(body({ type: "Fetch" }), URL_OF);
  assert.equal(picked.artifact(stripper()), null);
});

test("bytes that are not there are named as omitted, and the site is not asked without the person's setting", async () => {
  const picked = pick();
  const asked = [];
  assert.equal(await picked.refetch({ send: async (...call) => asked.push(call) }, [{ url: "https://a.test/", target: {}, id: "f" }]), null);
  assert.deepEqual(asked, []);
  const { artifact, source, exact, reason } = picked.selection(stripper(), null);
  assert.deepEqual([artifact, source, exact, reason], [null, null, false, "the browser does not hold its bytes any more"]);
});

test("with the person's setting the site is asked once, and the source says so", async () => {
  const picked = pick({ mayRefetch: true });
  const asked = [];
  const send = async (_target, method) => {
    asked.push(method);
    if (method === "Network.loadNetworkResource") return { resource: { success: true, httpStatusCode: 200, stream: "s" } };
    return method === "IO.read" ? { data: btoa(String.fromCharCode(...PNG)), base64Encoded: true, eof: asked.filter((one) => one === "IO.read").length > 1 } : {};
  };
  const read = await picked.refetch({ send }, [{ url: "https://a.test/", target: {}, id: "f" }]);
  assert.equal(read.source, "refetched");
  assert.equal(read.bytes.length, 2 * PNG.length);
  assert.equal(picked.selection(stripper(), picked.artifact(stripper()).name).source, "refetched");
  assert.equal(asked.at(-1), "IO.close");
});

test("a drawing that holds a secret is not handed on, and says why", () => {
  const picked = pick();
  const cleaner = stripper();
  cleaner.learn("cookie sid", "abcd1234efgh5678");
  picked.offer(body({ bytes: latin1("<svg><!-- abcd1234efgh5678 --></svg>"), mime: "image/svg+xml" }), URL_OF);
  assert.equal(picked.artifact(cleaner), null);
  assert.match(picked.selection(cleaner, null).reason, /secret/);
});

test("tokens in the picture's address do not get into the statement; of a data address only its beginning does", () => {
  const wish = { srcUrl: "https://a.test/i.png?access_token=abcdefgh12345678", frameUrl: "https://a.test/", frameId: 0 };
  assert.ok(!pick({ wish }).selection(stripper(), null).srcUrl.includes("abcdefgh12345678"));
  assert.equal(pick({ wish: { ...wish, srcUrl: `data:image/png;base64,${"A".repeat(500)}` } }).selection(stripper(), null).srcUrl.length, 64);
});

test("a click in the menu is a wish; an entry of another version is none", () => {
  assert.deepEqual(wishOf({ menuItemId: "capture-image", srcUrl: "s", frameUrl: "f", pageUrl: "p", frameId: 3 }), { kind: "image", srcUrl: "s", frameUrl: "f", frameId: 3 });
  assert.deepEqual(wishOf({ menuItemId: "capture-image", srcUrl: "s", pageUrl: "p" }), { kind: "image", srcUrl: "s", frameUrl: "p", frameId: 0 });
  assert.deepEqual([wishOf({ menuItemId: "capture-image" }), wishOf({ menuItemId: "old" }), wishOf({ menuItemId: "open-lists" })], [null, null, "lists"]);
});

test("the statement names the selection and what began the capture; without them it has neither member", () => {
  const read = (facts) => JSON.parse(new TextDecoder().decode(buildStatement({ ...FACTS, artifacts: [], salt: "0".repeat(32), ...facts }))).predicate;
  const box = { x: 1, y: 2, width: 3, height: 4 };
  assert.deepEqual(read({ trigger: "region", selection: { kind: "region", box } }).selection, { kind: "region", box });
  assert.equal(read({ trigger: "list" }).trigger, "list");
  assert.deepEqual(["trigger" in read({}), "selection" in read({})], [false, false]);
});
