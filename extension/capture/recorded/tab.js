import { utf8 } from "../../seal/encoding.js";
import { bytesFromBase64, bytesOfText } from "../bodybytes.js";
import { bodyName } from "./bodies.js";
import { isWhole, kindOf, wayOf } from "./held.js";
import { NetworkLog } from "./network.js";
import { reasonOf } from "../steps.js";

/** @typedef {import("../debugger.js").TabDebugger} TabDebugger */
/** @typedef {import("../debugger.js").Target} Target */
/** @typedef {import("./types.js").Exchange} Exchange */

const MAX_POST_BYTES = 1 << 20;
const MAX_KEPT_BYTES = 16 << 20;
const HOLD_MS = 20000;
const END_MS = 3000;
const OVER_LIMIT = "over the limit of a recording";
const WORKERS = new Set(["worker", "shared_worker", "service_worker"]);
const FETCHING = new Set(["page", "iframe", "tab"]);

/**
 * Records what one tab asks for and gets, with its frames and workers of every process, while the debugger is attached.
 *
 * The page is not changed: an answer is held only until the browser has been told to copy its body; nothing is sent again, no cache is cleared
 * and no service worker bypassed.
 */
export class TabRecorder {
  /** @param {TabDebugger} tab @param {import("./bodies.js").RecordedBodies} bodies @param {{mayLoad?: (params: any) => boolean}} [guard] asked
   *   before each document is requested; false: the request is not made */
  constructor(tab, bodies, { mayLoad } = {}) {
    this.tab = tab;
    this.bodies = bodies;
    this.mayLoad = mayLoad;
    this.log = new NetworkLog();
    /** @type {Map<string, Target & {isService: boolean}>} session id → worker */
    this.workers = new Map();
    /** @type {Map<string, Target>} session id → frame of another process */
    this.frames = new Map();
    /** @type {Set<string>} request ids whose chunks are copied to us */
    this.streaming = new Set();
    /** @type {Map<string, number>} request id → bytes after content decoding */
    this.received = new Map();
    /** @type {Set<Promise<void>>} */
    this.work = new Set();
    this.lastEventAt = performance.now();
    this.onEvent = this.#onEvent.bind(this);
  }

  /** @returns {Promise<void>} when every request of the tab from now on will be seen */
  async start() {
    chrome.debugger.onEvent.addListener(this.onEvent);
    await this.#open(this.tab.root, "page");
  }

  /**
   * Ends it; the debugger stays attached. Bodies still under way are dropped and said to be missing; the disk, unlike the debugger, is waited for
   * however long it takes.
   * @returns {Promise<void>}
   */
  async stop() {
    const targets = [this.tab.root, ...this.frames.values()];
    if (!this.tab.lost) await Promise.allSettled(targets.map((target) => this.tab.send(target, "Fetch.disable", {}, END_MS)));
    chrome.debugger.onEvent.removeListener(this.onEvent);
    await this.#settled();
    this.log.end();
    await this.bodies.end();
    await new Promise((resolve) => { setTimeout(resolve, 0); }); // whoever waited for the disk has told its exchange
    for (const exchange of this.log.exchanges) {
      const isKept = exchange.bodyBy !== "" && exchange.finished && exchange.error === null && (exchange.exact || exchange.bodyNote !== "");
      if (exchange.omitted || isKept) continue;
      if (await this.#keepWhole(exchange)) continue;
      if (exchange.error !== null) this.#omit(exchange, `not loaded: ${exchange.error}`);
      else if (!exchange.finished) this.#omit(exchange, exchange.status === null ? "no answer before the recording ended" : "still loading when the recording ended");
      else this.#omit(exchange, "the browser gave no body");
      await this.bodies.drop(bodyName(exchange.key));
    }
  }

  /** @param {Exchange} exchange @returns {Promise<boolean>} whether its streamed body had come to its end, whatever the browser said afterwards: it is kept, or the disk was at fault */
  async #keepWhole(exchange) {
    const name = bodyName(exchange.key);
    if (exchange.omitted !== "" || exchange.bodyBy !== "streamed" || !isWhole(exchange, this.bodies.sizeOf(name))) return false;
    this.streaming.delete(exchange.requestId);
    const sizeBytes = await this.#close(exchange);
    if (sizeBytes !== null) Object.assign(exchange, { sizeBytes, exact: true, finished: true, error: null });
    this.log.changed.add(exchange.key);
    return true;
  }

  /** @param {Exchange} exchange @returns {Promise<number | null>} bytes on disk; null: the disk did not take all of them, and the exchange says so */
  async #close(exchange) {
    try {
      return await this.bodies.close(bodyName(exchange.key));
    } catch (error) {
      this.#omit(exchange, `its body could not be written to the disk: ${reasonOf(error)}`);
      return null;
    }
  }

  /** @returns {boolean} whether a request is under way; streams without an end do not count */
  get isBusy() {
    return this.log.exchanges.some(({ finished, omitted, error }) => !finished && omitted === "" && error === null);
  }

  async #settled() {
    const late = new Promise((resolve) => { setTimeout(resolve, END_MS); });
    await Promise.race([Promise.allSettled([...this.work]), late]);
  }

  /** @param {chrome.debugger.Debuggee & {sessionId?: string}} source @param {string} method @param {any} params */
  #onEvent(source, method, params) {
    if (source.tabId !== this.tab.root.tabId) return;
    const sessionId = source.sessionId ?? null;
    const target = sessionId === null ? this.tab.root : { tabId: this.tab.root.tabId, sessionId };
    if (method.startsWith("Network.") || method.startsWith("Fetch.")) this.lastEventAt = performance.now();
    switch (method) {
      case "Target.attachedToTarget": return this.#begin(this.#adopt(params));
      case "Target.detachedFromTarget":
        this.frames.delete(params.sessionId);
        return void this.workers.delete(params.sessionId);
      case "Fetch.requestPaused": return this.#begin(this.#held(target, sessionId, params));
      case "Network.dataReceived": return this.#chunk(params);
      default:
        this.log.handle(method, params, sessionId);
        if (method === "Network.loadingFinished") this.#begin(this.#finished(target, params.requestId));
        if (method === "Network.loadingFailed") this.#begin(this.#failed(params.requestId));
        if (method === "Network.requestWillBeSent" && this.log.last(params.requestId)?.requestBodyNote === "not told with the request") {
          this.#begin(this.#readPost(target, params.requestId));
        }
    }
  }

  /** @param {Promise<void>} work what fails here fails for one exchange: it has no body, and stop() says so */
  #begin(work) {
    const done = work.catch(() => {}).finally(() => { this.work.delete(done); });
    this.work.add(done);
  }

  /** @param {any} params of Target.attachedToTarget */
  async #adopt({ sessionId, targetInfo }) {
    const target = { tabId: this.tab.root.tabId, sessionId };
    if (WORKERS.has(targetInfo.type)) this.workers.set(sessionId, { ...target, isService: targetInfo.type === "service_worker" });
    else this.frames.set(sessionId, target);
    await this.#open(target, targetInfo.type);
  }

  /** @param {Target} target @param {string} type of target */
  async #open(target, type) {
    const guarded = this.mayLoad && FETCHING.has(type) ? [{ urlPattern: "*", resourceType: "Document", requestStage: "Request" }] : [];
    const sent = [
      this.tab.send(target, "Network.enable", { maxPostDataSize: MAX_POST_BYTES, maxResourceBufferSize: MAX_KEPT_BYTES, maxTotalBufferSize: 4 * MAX_KEPT_BYTES }),
      this.tab.send(target, "Fetch.enable", { patterns: [{ urlPattern: "*", requestStage: "Response" }, ...guarded] }),
      this.tab.send(target, "Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: true, flatten: true }),
      this.tab.send(target, "Runtime.runIfWaitingForDebugger"),
    ]; // in one go: a worker that waits answers nothing before it is told to run; most workers know neither of the middle two
    const outcomes = await Promise.allSettled(sent);
    const failed = outcomes.find(({ status }) => status === "rejected");
    if (failed && FETCHING.has(type)) throw /** @type {PromiseRejectedResult} */ (failed).reason;
  }

  /** @param {Target} target @param {string | null} sessionId @param {any} params */
  async #held(target, sessionId, params) {
    const { requestId } = params;
    if (params.responseStatusCode === undefined) {
      const isRefused = params.responseErrorReason === undefined && this.mayLoad?.(params) === false;
      if (isRefused) this.#omit(this.log.adopt(params, sessionId), `not asked for: it would have been sent with ${params.request.method}`);
      if (isRefused) await this.tab.send(target, "Fetch.failRequest", { requestId, errorReason: "Aborted" });
      else await this.tab.send(target, "Fetch.continueRequest", { requestId });
      return;
    }
    try {
      await this.#readHeld(target, params, this.log.adopt(params, sessionId));
    } finally {
      await this.tab.send(target, "Fetch.continueResponse", { requestId });
    }
  }

  /** @param {Target} target @param {any} params @param {Exchange} exchange */
  async #readHeld(target, params, exchange) {
    const kind = kindOf(exchange);
    const { way, reason } = wayOf(exchange, (sizeBytes) => this.bodies.hasRoom(kind, sizeBytes));
    if (way === "omit") return this.#omit(exchange, reason);
    if (way === "none") return this.#keep(exchange, new Uint8Array(0), "paused");
    const isOfService = this.workers.get(target.sessionId ?? "")?.isService === true; // its chunks are not copied (measured)
    if (way === "stream" && !isOfService && await this.#stream(target, params.networkId, exchange)) return undefined;
    const { body, base64Encoded } = await this.tab.send(target, "Fetch.getResponseBody", { requestId: params.requestId }, HOLD_MS);
    return this.#keep(exchange, base64Encoded ? bytesFromBase64(body) : utf8(body), "paused");
  }

  /** @param {Target} target @param {string} requestId @param {Exchange} exchange @returns {Promise<boolean>} false: no process of the page knows this request */
  async #stream(target, requestId, exchange) {
    const own = exchange.sessionId === null ? this.tab.root : { tabId: this.tab.root.tabId, sessionId: exchange.sessionId };
    const others = [target, ...this.workers.values()].filter(({ sessionId }) => sessionId !== own.sessionId);
    for (const asked of [own, ...others]) {
      try {
        this.streaming.add(requestId);
        const { bufferedData } = await this.tab.send(asked, "Network.streamResourceContent", { requestId });
        this.log.update(requestId, { bodyBy: "streamed" });
        if (bufferedData) this.#append(exchange, bytesFromBase64(bufferedData));
        return true;
      } catch {
        this.streaming.delete(requestId);
      }
    }
    return false;
  }

  /** @param {any} params of Network.dataReceived */
  #chunk({ requestId, dataLength, data }) {
    this.received.set(requestId, (this.received.get(requestId) ?? 0) + dataLength);
    const exchange = this.streaming.has(requestId) && data ? this.log.last(requestId) : undefined;
    if (exchange && exchange.omitted === "") this.#append(exchange, bytesFromBase64(data));
  }

  /** @param {Exchange} exchange @param {import("../../seal/encoding.js").Bytes} bytes */
  #append(exchange, bytes) {
    if (this.bodies.append(bodyName(exchange.key), bytes, kindOf(exchange))) return;
    this.#omit(exchange, OVER_LIMIT);
    this.#begin(this.bodies.drop(bodyName(exchange.key)));
  }

  /** @param {Target} target @param {string} requestId */
  async #finished(target, requestId) {
    const exchange = this.log.last(requestId);
    if (!exchange || exchange.omitted !== "" || exchange.bodyBy === "paused") return;
    if (!this.streaming.delete(requestId)) return this.#readKept(target, exchange);
    const sizeBytes = await this.#close(exchange);
    if (sizeBytes === null) return undefined;
    if (sizeBytes === 0 && (this.received.get(requestId) ?? 0) > 0) return this.#readKept(target, exchange);
    this.log.update(requestId, { exact: true, sizeBytes });
    return undefined;
  }

  /** A body that no hold was seen for: out of the memory cache, made by a service worker, a blob. @param {Target} target @param {Exchange} exchange */
  async #readKept(target, exchange) {
    const sizeBytes = this.received.get(exchange.requestId) ?? null;
    if (sizeBytes !== null && sizeBytes > MAX_KEPT_BYTES) return this.#omit(exchange, `${sizeBytes} bytes that did not come over the network: too large for the browser to keep`);
    try {
      const { body, base64Encoded } = await this.tab.send(target, "Network.getResponseBody", { requestId: exchange.requestId });
      if (base64Encoded) return await this.#keep(exchange, bytesFromBase64(body), "kept");
      const { bytes, exact, reason } = bytesOfText(body, { sizeBytes: sizeBytes === 0 && body !== "" ? null : sizeBytes, charset: exchange.charset });
      return await this.#keep(exchange, bytes, "kept", exact ? "" : reason);
    } catch (error) {
      return this.#omit(exchange, `the browser gave no body: ${reasonOf(error)}`);
    }
  }

  /** @param {Exchange} exchange @param {import("../../seal/encoding.js").Bytes} bytes @param {Exchange["bodyBy"]} bodyBy @param {string} [bodyNote] */
  async #keep(exchange, bytes, bodyBy, bodyNote = "") {
    const name = bodyName(exchange.key);
    exchange.bodyBy = bodyBy;
    if (!this.bodies.append(name, bytes, kindOf(exchange))) {
      this.#omit(exchange, OVER_LIMIT);
      return this.bodies.drop(name);
    }
    const sizeBytes = await this.#close(exchange);
    if (sizeBytes !== null) Object.assign(exchange, { sizeBytes, bodyNote, exact: bodyNote === "", finished: true });
    this.log.changed.add(exchange.key);
    return undefined;
  }

  /** @param {string} requestId */
  async #failed(requestId) {
    const exchange = this.log.last(requestId);
    if (!exchange || exchange.bodyBy === "paused" || await this.#keepWhole(exchange)) return;
    const came = this.received.get(requestId) ?? 0;
    this.#omit(exchange, came > 0 ? `not loaded to its end: ${exchange.error}, after ${came} bytes` : `not loaded: ${exchange.error}`);
    this.streaming.delete(requestId);
    await this.bodies.drop(bodyName(exchange.key));
  }

  /** @param {Target} target @param {string} requestId */
  async #readPost(target, requestId) {
    const answer = await this.tab.send(target, "Network.getRequestPostData", { requestId });
    if (answer.postData.length > MAX_KEPT_BYTES) return;
    const base64 = answer.base64Encoded ? answer.postData : /** @type {any} */ (utf8(answer.postData)).toBase64();
    this.log.update(requestId, { requestBody: base64, requestBodyNote: "" });
  }

  /** @param {Exchange} exchange @param {string} reason */
  #omit(exchange, reason) {
    if (exchange.omitted === "") exchange.omitted = reason;
    this.log.changed.add(exchange.key);
  }
}
