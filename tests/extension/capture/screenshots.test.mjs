import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync, inflateSync } from "node:zlib";
import { crc32 } from "../../../extension/archive/crc32.js";
import { ArchiveError } from "../../../extension/archive/errors.js";
import { stitchTiles } from "../../../extension/capture/pngtiles.js";

const WIDTH = 7;
const BYTES_PER_PIXEL = 3;
const ROW = WIDTH * BYTES_PER_PIXEL;

const paeth = (left, up, corner) => {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
};
const predict = [() => 0, (left) => left, (_left, up) => up, (left, up) => (left + up) >> 1, paeth];

/** Rows of pixels → a PNG whose rows use the filter types given, one after the other. */
function encode(rows, filters, { colour = 2 } = {}) {
  const data = rows.flatMap((row, y) => {
    const filter = filters[y % filters.length];
    const bytes = row.map((value, x) => (value - predict[filter](row[x - BYTES_PER_PIXEL] ?? 0, rows[y - 1]?.[x] ?? 0, rows[y - 1]?.[x - BYTES_PER_PIXEL] ?? 0)) & 0xff);
    return [filter, ...bytes];
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([8, colour, 0, 0, 0], 8);
  const chunk = (type, body) => {
    const bytes = Buffer.alloc(12 + body.length);
    bytes.writeUInt32BE(body.length, 0);
    bytes.write(type, 4, "latin1");
    bytes.set(body, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
    return bytes;
  };
  return new Blob([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.from(data))), chunk("IEND", Buffer.alloc(0))]);
}

/** A PNG → rows of pixels. Every chunk's CRC is checked. */
function decode(bytes) {
  const image = [];
  let height = 0;
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    assert.equal(bytes.readUInt32BE(at + 8 + length), crc32(bytes.subarray(at + 4, at + 8 + length)));
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (type === "IHDR") height = bytes.readUInt32BE(at + 12);
    if (type === "IDAT") image.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const data = inflateSync(Buffer.concat(image));
  assert.equal(data.length, height * (ROW + 1));
  const rows = [];
  for (let y = 0; y < height; y += 1) {
    const filter = data[y * (ROW + 1)];
    const row = [];
    for (let x = 0; x < ROW; x += 1) {
      const value = data[y * (ROW + 1) + 1 + x];
      row.push((value + predict[filter](row[x - BYTES_PER_PIXEL] ?? 0, rows[y - 1]?.[x] ?? 0, rows[y - 1]?.[x - BYTES_PER_PIXEL] ?? 0)) & 0xff);
    }
    rows.push(row);
  }
  return rows;
}

const pixels = (rows) => Array.from({ length: rows }, () => Array.from(crypto.getRandomValues(new Uint8Array(ROW))));

test("tiles become one picture pixel for pixel, whatever filter their first row used", async () => {
  for (const filter of [0, 1, 2, 3, 4]) {
    const parts = [pixels(5), pixels(4), pixels(1)];
    const tiles = parts.map((rows) => encode(rows, [filter, 4, 2, 3, 1]));
    const { png, widthPx, heightPx } = await stitchTiles(tiles);
    assert.deepEqual([widthPx, heightPx], [WIDTH, 10]);
    assert.deepEqual(decode(Buffer.from(await png.arrayBuffer())), parts.flat(), `filter ${filter}`);
  }
});

test("a single shot is kept as the browser encoded it", async () => {
  const tile = encode(pixels(3), [0]);
  const { png, heightPx } = await stitchTiles([tile]);
  assert.equal(png, tile);
  assert.equal(heightPx, 3);
});

test("tiles of different form, and what is no PNG, are refused", async () => {
  await assert.rejects(stitchTiles([encode(pixels(2), [0]), encode(pixels(2), [0], { colour: 6 })]), ArchiveError);
  await assert.rejects(stitchTiles([new Blob(["not a picture"])]), ArchiveError);
});
