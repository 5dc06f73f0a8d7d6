import assert from "node:assert/strict";
import { test } from "node:test";
import { addressesIn, placesOf } from "../../../extension/capture/images/boxes.js";

const BASE = "https://a.test/page";
const picture = (change = {}) => ({ kind: "img", value: "p.png", rect: { x: 1, y: 2, width: 30, height: 40 }, natural: { width: 60, height: 80 }, ...change });
const frame = (shown, change = {}) => ({ url: BASE, probe: { url: BASE, timing: [], shown, shownLeft: "", view: { scrollX: 0, scrollY: 100, ratio: 1 }, frameAt: null, ...change } });

test("a picture stands in the document, by its absolute address and its kind", () => {
  assert.deepEqual(placesOf([frame([picture(), picture({ kind: "canvas", value: null, natural: null })])]), { notes: [], images: [
    { kind: "img", url: "https://a.test/p.png", box: { x: 1, y: 102, width: 30, height: 40 }, natural: { width: 60, height: 80 } },
    { kind: "canvas", url: "", box: { x: 1, y: 102, width: 30, height: 40 }, natural: null }] });
  assert.deepEqual(placesOf([frame([picture({ value: "data:image/png;base64,AA" }), picture({ value: "blob:https://a.test/1" })])]).images.map(({ url, scheme }) => [url, scheme]), [["", "data"], ["", "blob"]]);
  assert.deepEqual(placesOf([frame([picture({ value: "javascript:x" }), picture({ value: "file:///etc/x.png" }), picture({ value: `/${"x".repeat(5000)}` }), picture({ value: "http://[" }),
    picture({ rect: { x: NaN, y: 0, width: 20, height: 20 } })])]).images, []);
});

test("of an image-set the loaded one counts, else the one for the screen", () => {
  const set = 'image-set(url("https://a.test/1.png") 1dppx, url("https://a.test/2.png") 2dppx type("image/png"), url("https://a.test/3.png") 288dpi)';
  const chosen = (ratio, ...loaded) => addressesIn(set, ratio, new Set(loaded));
  assert.deepEqual([chosen(1), chosen(1.5), chosen(2.5), chosen(4)], [["https://a.test/1.png"], ["https://a.test/2.png"], ["https://a.test/3.png"], ["https://a.test/3.png"]]);
  assert.deepEqual(chosen(1, "https://a.test/2.png"), ["https://a.test/2.png"]);
  assert.deepEqual(addressesIn('-webkit-image-set("https://a.test/q.png" 1x)', 1, new Set()), ["https://a.test/q.png"]);
});

test("style sheets draw several pictures, and some that are none", () => {
  assert.deepEqual(addressesIn('linear-gradient(red, blue)', 1, new Set()), []);
  assert.deepEqual(addressesIn('url("https://a.test/a\\"b(1).png"), linear-gradient(red, blue), url("https://a.test/c.png"), url("https://a.test/c.png")', 1, new Set()), ['https://a.test/a"b(1).png', "https://a.test/c.png"]);
  assert.equal(addressesIn(Array.from({ length: 99 }, (_, at) => `url("https://a.test/${at}")`).join(), 1, new Set()).length, 4);
  const beside = placesOf([frame([picture({ kind: "before", value: 'none, url("https://a.test/i.png")', natural: null })])]).images;
  assert.deepEqual(beside.map(({ kind, url, approximate }) => [kind, url, approximate]), [["before", "https://a.test/i.png", true]]);
});

test("a frame's pictures are placed in the page, cut to what is to be seen of them", () => {
  const inFrame = (rect) => placesOf([frame([]), frame([picture({ rect })], { frameAt: { x: 100, y: 200, seen: { x: 100, y: 200, width: 50, height: 50 } } })]).images[0];
  assert.deepEqual(inFrame({ x: 10, y: 20, width: 30, height: 40 }).at, { x: 110, y: 220, width: 30, height: 30 });
  assert.equal(inFrame({ x: 10, y: 900, width: 30, height: 40 }).at, undefined, "below the frame's edge");
  assert.equal(inFrame({ x: 10, y: 20, width: 30, height: 40 }).frameUrl, BASE);
  assert.equal(placesOf([frame([]), frame([picture()])]).images[0].at, undefined, "a frame of another site");
});

test("too many pictures: the largest stay, and what is left out is said", () => {
  const many = Array.from({ length: 600 }, (_, at) => picture({ value: `${at}.png`, rect: { x: 0, y: 0, width: 16 + at, height: 20 } }));
  const { images, notes } = placesOf([frame(many, { shownLeft: "only the first 9 elements were looked at" })]);
  assert.deepEqual([images.length, images[0].url, images.at(-1).url], [500, "https://a.test/100.png", "https://a.test/599.png"]);
  assert.match(notes.join(), /only the first 9 elements were looked at; the 500 largest of 600 are listed/);
  const whole = placesOf(Array.from({ length: 9 }, () => frame(many)));
  assert.equal(whole.images.length, 2000);
  assert.match(whole.notes.at(-1), /2000 of 4500/);
});
