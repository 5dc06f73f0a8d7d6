const SMALL = 2048;

/**
 * Applies a change to the text of an MHTML file: to every part's head and to the bodies that are text. Pictures and other base64 bodies
 * are passed by, which is most of the file.
 * @param {string} mhtml @param {(text: string) => string} change @returns {string}
 */
export function changeMhtmlText(mhtml, change) {
  const mark = boundaryOf(mhtml);
  if (mark === null) return change(mhtml);
  return mhtml.split(mark).map((part) => {
    const { head, body } = splitPart(part);
    return isBase64(head) ? change(head) + body : change(part);
  }).join(mark);
}

/**
 * The pictures in an MHTML file: the encoded bytes that the page's elements hold, which the browser no longer lists when a script has fetched
 * the same address since.
 * @param {string} mhtml @returns {{url: string, mime: string, base64: string}[]}
 */
export function mhtmlPictures(mhtml) {
  const mark = boundaryOf(mhtml);
  if (mark === null) return [];
  return mhtml.split(mark).map(splitPart).filter(({ head }) => isBase64(head)).map(({ head, body }) => ({
    url: /^content-location:\s*(\S+)/im.exec(head)?.[1] ?? "", mime: /^content-type:\s*([^\s;]+)/im.exec(head)?.[1] ?? "",
    base64: body.replace(/\s+/g, "") })).filter(({ url, mime }) => url !== "" && mime.startsWith("image/"));
}

/**
 * Takes bodies that are kept elsewhere out of an MHTML file: the part stays, with `X-Holdstill-Body: sha256=<hex>` in its head, so that the file can
 * be put together again from the archive it stands in.
 * @param {string} mhtml @param {(base64: string) => Promise<string | null>} find the SHA-256 under which a body is kept; null: it is not
 * @returns {Promise<string>}
 */
export async function referToBodies(mhtml, find) {
  const mark = boundaryOf(mhtml);
  if (mark === null) return mhtml;
  const parts = [];
  for (const part of mhtml.split(mark)) {
    const { head, body } = splitPart(part);
    const sha256 = isBase64(head) && body.length > SMALL ? await find(body.replace(/\s+/g, "")) : null;
    parts.push(sha256 === null ? part : `${head}\r\nX-Holdstill-Body: sha256=${sha256}\r\n\r\n\r\n`);
  }
  return parts.join(mark);
}

/** @param {string} mhtml @returns {string | null} what stands before each part */
function boundaryOf(mhtml) {
  const boundary = /boundary="([^"]+)"/.exec(mhtml.slice(0, 8192))?.[1];
  return boundary === undefined ? null : `--${boundary}`;
}

/** @param {string} part @returns {{head: string, body: string}} `body` with the empty line before it */
function splitPart(part) {
  const headEnd = part.indexOf("\r\n\r\n");
  return headEnd < 0 ? { head: part, body: "" } : { head: part.slice(0, headEnd), body: part.slice(headEnd) };
}

/** @param {string} head @returns {boolean} */
function isBase64(head) {
  return /^content-transfer-encoding:\s*base64/im.test(head);
}
