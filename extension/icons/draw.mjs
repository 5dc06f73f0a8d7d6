// Draws the mark at 16, 32, 48 and 128 pixels: `npm run icons`. Two bars that hold, inside the corners of a viewfinder.
// Shapes are signed distances in a unit square, so every size has its own clean edges; written as PNG with nothing but zlib.
import { writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";

const GROUND = [15, 92, 98];
const INK = [246, 250, 249];
const SAMPLES = 6;

/** Distance to a box with rounded corners, negative inside. */
function box(x, y, { cx = 0.5, cy = 0.5, w, h, r }) {
  const dx = Math.abs(x - cx) - w / 2 + r;
  const dy = Math.abs(y - cy) - h / 2 + r;
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - r;
}

/** The four corners of a frame: its outline, cut away along the middle of each side. */
function isCorner(x, y) {
  const outline = Math.abs(box(x, y, { w: 0.63, h: 0.63, r: 0.12 })) < 0.027;
  return outline && Math.abs(x - 0.5) > 0.155 && Math.abs(y - 0.5) > 0.155;
}

function isBar(x, y, small) {
  const [offset, width, height] = small ? [0.155, 0.16, 0.5] : [0.085, 0.085, 0.3];
  return [-offset, offset].some((at) => box(x, y, { cx: 0.5 + at, w: width, h: height, r: width / 2 }) < 0);
}

function pixel(px, py, size) {
  const small = size <= 16;
  let ground = 0;
  let ink = 0;
  for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
    const x = (px + ((i % SAMPLES) + 0.5) / SAMPLES) / size;
    const y = (py + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES) / size;
    if (box(x, y, { w: 1, h: 1, r: 0.23 }) >= 0) continue;
    ground += 1;
    if (isBar(x, y, small) || (!small && isCorner(x, y))) ink += 1;
  }
  const share = ground === 0 ? 0 : ink / ground;
  const colour = GROUND.map((value, channel) => Math.round(value + (INK[channel] - value) * share));
  return [...colour, Math.round((255 * ground) / (SAMPLES * SAMPLES))];
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

function png(size) {
  const rows = [];
  for (let y = 0; y < size; y += 1) {
    rows.push(0); // filter: none
    for (let x = 0; x < size; x += 1) rows.push(...pixel(x, y, size));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8); // 8 bits, RGBA
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.from(rows), { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

for (const size of [16, 32, 48, 128]) writeFileSync(new URL(`${size}.png`, import.meta.url), png(size));
