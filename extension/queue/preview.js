import { base64 } from "../seal/encoding.js";

const LONGEST_PX = 760;
const QUALITY = 0.7;

/**
 * @param {import("../capture/types.js").ViewportShot} shot
 * @returns {Promise<import("./runs.js").Preview>} at most 760 pixels wide, as a JPEG data URL: to mark regions on, never evidence
 */
export async function makePreview({ png, facts }) {
  const bitmap = await createImageBitmap(png);
  const scale = Math.min(1, LONGEST_PX / Math.max(bitmap.width, 1));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY })).arrayBuffer());
  return { dataUrl: `data:image/jpeg;base64,${base64(bytes)}`, width: facts.width, height: facts.height };
}
