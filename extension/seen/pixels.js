import { base64 } from "../seal/encoding.js";

/** @typedef {import("../capture/types.js").Box} Box */

const SMALL_PX = 320;
const LEAST_PX = 24;

/**
 * @param {Blob} shot of the viewport @param {Box} box in CSS pixels of it @param {number} ratio pixels of the shot for one of them
 * @returns {Promise<Blob | null>} that part as PNG; null: nothing of it is to be seen
 */
export async function cut(shot, box, ratio) {
  const bitmap = await createImageBitmap(shot);
  const left = Math.max(0, Math.round(box.x * ratio));
  const top = Math.max(0, Math.round(box.y * ratio));
  const width = Math.min(bitmap.width, Math.round((box.x + box.width) * ratio)) - left;
  const height = Math.min(bitmap.height, Math.round((box.y + box.height) * ratio)) - top;
  if (width < LEAST_PX || height < LEAST_PX) return null;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")?.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}

/** @param {Blob} blob @returns {Promise<string>} a small copy as an address, to show what was asked; "" when the browser cannot decode it */
export async function smallCopy(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const scale = Math.min(1, SMALL_PX / Math.max(bitmap.width, bitmap.height, 1));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const copy = await canvas.convertToBlob({ type: "image/webp", quality: 0.8 });
    return `data:${copy.type};base64,${base64(new Uint8Array(await copy.arrayBuffer()))}`;
  } catch {
    return "";
  }
}
