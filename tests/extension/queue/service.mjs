// The service's side of docs/formats.md in memory: real keys, real log, real receipts. Faults are asked for by name.
import { base64, concat, hex, utf8 } from "../../../extension/seal/encoding.js";
import { pae, PAYLOAD_TYPE } from "../../../extension/seal/dsse.js";
import { sha256, sha256Hex } from "../../../extension/seal/hashing.js";
import { leafHash, nodeHash } from "../../../extension/seal/merkle.js";

export const ORIGIN = "service.test/log";
const json = (status, body) => new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
const problem = (status, code, more = {}) => json(status, { type: `https://holdstill.local/problems/${code}`, status, code, ...more });

async function makeKey(name) {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const typed = concat(Uint8Array.of(1), raw);
  const hash = sha256(concat(utf8(`${name}\n`), typed)).slice(0, 4);
  const sign = async (bytes) => new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, bytes));
  return { name, hash, vkey: `${name}+${hex(hash)}+${base64(typed)}`, keyId: sha256Hex(spki), sign };
}

function split(size) {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}
function root(leaves) {
  if (leaves.length === 1) return leafHash(leaves[0]);
  const k = split(leaves.length);
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}
function path(index, leaves) {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k ? [...path(index, leaves.slice(0, k)), root(leaves.slice(k))] : [...path(index - k, leaves.slice(k)), root(leaves.slice(0, k))];
}

export class FakeService {
  static async start() {
    const service = new FakeService();
    [service.logKey, service.serviceKey] = [await makeKey(ORIGIN), await makeKey(`${ORIGIN}/service`)];
    await service.append(utf8("an earlier event"));
    return service;
  }

  constructor() {
    this.url = "http://127.0.0.1:8040";
    this.tokens = new Map(); // token → key id
    this.revoked = new Set(); // key ids
    this.given = 0; // tokens so far
    this.captures = new Map();
    this.uploads = new Map();
    this.leaves = [];
    this.calls = []; // "METHOD path" of every request that arrived
    this.faults = []; // {match: RegExp on "METHOD path", when: "before" | "after", answer?: Response factory}
    this.fetch = (url, init) => this.#fetch(new URL(url), init ?? {});
  }

  revokeAll() {
    for (const keyId of this.tokens.values()) this.revoked.add(keyId);
    this.tokens.clear();
  }

  /** The next request that matches fails: before it is acted on, or after, its answer lost. */
  fail(match, when, answer = null) {
    this.faults.push({ match, when, answer });
  }

  count(match) {
    return this.calls.filter((call) => match.test(call)).length;
  }

  async append(eventBytes) {
    this.leaves.push(sha256(eventBytes));
    return this.leaves.length - 1;
  }

  async receipt(index) {
    const text = `${ORIGIN}\n${this.leaves.length}\n${base64(root(this.leaves))}\n`;
    const note = `${text}\n— ${this.logKey.name} ${base64(concat(this.logKey.hash, await this.logKey.sign(utf8(text))))}\n`;
    return [`c2sp.org/tlog-proof@v1`, `index ${index}`, ...path(index, this.leaves).map(base64), "", note].join("\n");
  }

  async event(type, capture, details) {
    const payload = utf8(JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "statement.dsse.json", digest: { sha256: sha256Hex(capture.envelope) } }],
      predicateType: "https://holdstill.local/custody/v1",
      predicate: { type, item: `capture:${capture.id}`, seq: 0, prev: null, time: "2026-01-02T03:04:05.000Z", actor: "urn:holdstill:device:x", role: "device",
        purpose: "capture", salt: "00".repeat(16), details: { captureId: capture.id, ...details } },
    }));
    const sig = base64(await this.serviceKey.sign(pae(PAYLOAD_TYPE, payload)));
    const event = JSON.stringify({ payloadType: PAYLOAD_TYPE, payload: base64(payload), signatures: [{ keyid: this.serviceKey.keyId, sig }] });
    return { event, index: await this.append(utf8(event)) };
  }

  async #fetch(url, init) {
    const method = init.method ?? "GET";
    const call = `${method} ${url.pathname}`;
    const at = this.faults.findIndex((fault) => fault.match.test(call));
    const [fault] = at < 0 ? [] : this.faults.splice(at, 1);
    if (fault?.when === "before") {
      if (fault.answer) return fault.answer();
      throw new TypeError("Failed to fetch");
    }
    this.calls.push(call);
    const answer = await this.#route(method, url, init);
    if (fault?.when === "after") throw new TypeError("Failed to fetch");
    return answer;
  }

  async #route(method, url, init) {
    const headers = new Headers(init.headers);
    if (method === "POST" && url.pathname === "/api/v1/devices") return this.#pair(JSON.parse(init.body));
    const token = headers.get("Authorization")?.replace("Bearer ", "");
    if (!this.tokens.has(token)) return problem(401, "device_unknown");
    const [, , , kind, id, sub, sha] = url.pathname.split("/");
    if (kind === "captures" && id === undefined) return this.#commit(init.body, this.tokens.get(token));
    if (kind === "captures" && sub === "seal") return this.#seal(this.captures.get(id));
    if (kind === "captures" && method === "PUT") return this.#put(this.captures.get(id), sha, init.body);
    if (kind === "captures" && method === "POST") return this.#openUpload(this.captures.get(id), sha, Number(headers.get("Upload-Length")));
    if (kind === "uploads") return this.#upload(method, id, init, headers);
    return problem(404, "not_found");
  }

  #pair({ pairing_code: code, public_key: spki }) {
    if (code !== "GOOD-CODE") return problem(403, "pairing_refused");
    const keyId = sha256Hex(Uint8Array.from(atob(spki), (c) => c.charCodeAt(0)));
    if (this.revoked.has(keyId)) return problem(422, "device_key_refused");
    const token = `token-${(this.given += 1)}`;
    this.tokens.set(token, keyId);
    return json(201, { device_id: "d", token, log_vkey: this.logKey.vkey, service_vkey: this.serviceKey.vkey, origin: ORIGIN, server_time: new Date(0).toISOString() });
  }

  async #commit(envelope, keyId) {
    const { payload, signatures } = JSON.parse(envelope);
    if (signatures[0].keyid !== keyId) return problem(422, "statement_refused");
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    const id = sha256Hex(bytes);
    let capture = this.captures.get(id);
    const known = capture !== undefined;
    if (!capture) {
      const wanted = JSON.parse(new TextDecoder().decode(bytes)).subject;
      capture = { id, envelope, wanted, blobs: new Map(), committed: null, sealed: null };
      this.captures.set(id, capture);
      capture.committed = await this.event("capture.committed", capture, { deviceKeyId: keyId, nonce: "none", nonceAgeSeconds: null });
    }
    const { event, index } = capture.committed;
    return json(known ? 200 : 201, { capture_id: id, state: capture.sealed ? "sealed" : "committed", receipt: await this.receipt(index), event, missing: this.#missing(capture) });
  }

  #missing(capture) {
    return [...new Set(capture.wanted.map((subject) => subject.digest.sha256))].filter((sha) => !capture.blobs.has(sha));
  }

  async #put(capture, sha, blob) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    if (sha256Hex(bytes) !== sha) return problem(422, "digest_mismatch");
    capture.blobs.set(sha, bytes);
    return new Response(null, { status: 204 });
  }

  #openUpload(capture, sha, size) {
    const id = `u${this.uploads.size}`;
    this.uploads.set(id, { capture, sha, size, parts: [], at: 0 });
    return new Response(null, { status: 201, headers: { Location: `/api/v1/uploads/${id}` } });
  }

  async #upload(method, id, init, headers) {
    const upload = this.uploads.get(id);
    if (!upload) return problem(404, "not_found");
    if (method === "PATCH") {
      if (Number(headers.get("Upload-Offset")) !== upload.at) return problem(409, "offset_mismatch");
      upload.parts.push(new Uint8Array(await init.body.arrayBuffer()));
      upload.at += init.body.size;
      if (upload.at === upload.size) upload.capture.blobs.set(upload.sha, concat(...upload.parts));
    }
    return new Response(null, { status: method === "HEAD" ? 200 : 204, headers: { "Upload-Offset": String(upload.at), "Upload-Length": String(upload.size) } });
  }

  async #seal(capture) {
    const missing = this.#missing(capture);
    if (missing.length > 0) return problem(409, "artifacts_missing", { missing });
    const artifacts = capture.wanted.map((subject) => ({ name: subject.name, sha256: subject.digest.sha256, sizeBytes: subject.annotations.sizeBytes }));
    capture.sealed ??= await this.event("capture.sealed", capture, { artifacts });
    return json(200, { capture_id: capture.id, state: "sealed", receipt: await this.receipt(capture.sealed.index), event: capture.sealed.event });
  }
}
