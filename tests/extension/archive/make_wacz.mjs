// Writes a WACZ with everything the writer knows into the file named, for readers that are not ours: node make_wacz.mjs out.wacz
import { webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { requestHead, responseHead } from "../../../extension/archive/http.js";
import { memorySink } from "../../../extension/archive/sink.js";
import { buildWacz } from "../../../extension/archive/wacz.js";
import { WarcWriter } from "../../../extension/archive/warc.js";
import { generateDeviceKey, signPageDigest } from "../../../extension/seal/keys.js";

globalThis.crypto ??= webcrypto;
const utf8 = (text) => new TextEncoder().encode(text);
const date = new Date("2026-01-02T03:04:05.678Z");
const writer = new WarcWriter(memorySink());
await writer.writeInfo({ software: "Holdstill test", format: "WARC File Format 1.1" }, date);
for (let index = 0; index < 1100; index += 1) { // more than one block of the index
  const url = `https://www.example/page/${index}?b=2&a=${index}`;
  const picture = index % 100 === 0;
  const payload = picture ? crypto.getRandomValues(new Uint8Array(60_000)) : utf8(`<p>pagina ${index} ţ</p>`);
  const mime = picture ? "image/png" : "text/html";
  const head = responseHead("HTTP/1.1 200 OK", [["Content-Type", mime], ["Content-Encoding", "gzip"]], payload.length);
  const { recordId } = await writer.write({ type: "response", targetUri: url, date, contentType: "application/http; msgtype=response", head, payload, mime,
    status: 200, headers: [["WARC-IP-Address", "192.0.2.1"], ["WARC-Protocol", "h2"]], metadata: { source: "live_memory" } });
  await writer.write({ type: "request", targetUri: url, date, contentType: "application/http; msgtype=request", payload: requestHead("GET", url, []),
    headers: [["WARC-Concurrent-To", `<${recordId}>`]] });
}
for (const kind of ["dom", "text", "pageinfo"]) {
  await writer.write({ type: "resource", targetUri: `urn:${kind}:https://www.example/page/0`, date, contentType: "text/plain", payload: utf8(`${kind} é`) });
}
const warc = await writer.close();
const key = await generateDeviceKey(date);
const page = { url: "https://www.example/page/0?b=2&a=0", title: "Pagina „unu”", date, text: "text" };
const wacz = await buildWacz({ warc, records: writer.records, page, created: date, software: "Holdstill test" }, (text) => signPageDigest(key, text));
await writeFile(process.argv[2], Buffer.from(await wacz.arrayBuffer()));
