import { reasonOf } from "./steps.js";

/** One page or out-of-process frame that commands can be sent to. @typedef {{tabId: number, sessionId?: string}} Target */
/** @typedef {{target: Target, type: string, url: string}} Child  type: "iframe", "worker", "service_worker", … */

const COMMAND_MS = 15000;
/** How long the event with the browser's reason may come after a command that failed because the session was over. */
const REASON_MS = 500;

/** The browser refused, or the person pressed Cancel in the bar. `reason` says which. */
export class DebuggerLost extends Error {
  /** @param {string} reason */
  constructor(reason) {
    super(`debugger: ${reason}`);
    this.reason = reason;
  }
}

/**
 * The browser's debugger on one tab, with the sessions of its out-of-process frames.
 *
 * Attaching makes the browser show a bar that shrinks the page about 0.2 s later; see shots.js. Nothing here navigates,
 * reloads, scrolls or clears anything.
 */
export class TabDebugger {
  /** @param {number} tabId */
  constructor(tabId) {
    /** @type {Target} */
    this.root = { tabId };
    /** @type {Child[]} */
    this.children = [];
    this.attachedAt = 0;
    /** @type {DebuggerLost | null} */
    this.lost = null;
    /** @type {(error: DebuggerLost) => void} */
    this.reportLost = () => {};
    /** @type {Promise<never>} */
    this.whenLost = new Promise((_resolve, reject) => { this.reportLost = reject; });
    this.whenLost.catch(() => {});
    this.onEvent = this.#onEvent.bind(this);
    this.onDetach = this.#onDetach.bind(this);
  }

  /** @param {number} tabId @returns {Promise<TabDebugger>} @throws {DebuggerLost} */
  static async attach(tabId) {
    const tab = new TabDebugger(tabId);
    chrome.debugger.onEvent.addListener(tab.onEvent);
    chrome.debugger.onDetach.addListener(tab.onDetach);
    try {
      await chrome.debugger.attach({ tabId }, "1.3");
    } catch (error) {
      tab.#stopListening();
      throw new DebuggerLost(reasonOf(error));
    }
    tab.attachedAt = performance.now();
    return tab;
  }

  /**
   * @param {Target} target @param {string} method @param {Record<string, unknown>} [params] @param {number} [limitMs]
   * @returns {Promise<any>} the protocol's answer @throws {Error} in plain words; {DebuggerLost} when the debugger went away meanwhile
   */
  async send(target, method, params = {}, limitMs = COMMAND_MS) {
    if (this.lost) throw this.lost;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const late = new Promise((_resolve, reject) => { timer = setTimeout(() => reject(new Error(`${method}: no answer in ${limitMs} ms`)), limitMs); });
    try {
      return await Promise.race([chrome.debugger.sendCommand(target, method, params), this.whenLost, late]);
    } catch (error) {
      throw error instanceof DebuggerLost ? error : new Error(reasonOf(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Opens the sessions of the frames that live in other processes, theirs included. Workers are only listed. */
  async attachChildren() {
    const options = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };
    await this.send(this.root, "Target.setAutoAttach", options);
    for (let index = 0; index < this.children.length; index += 1) { // the list grows while it is walked
      if (this.children[index].type === "iframe") await this.send(this.children[index].target, "Target.setAutoAttach", options);
    }
  }

  /** @returns {Target[]} the page itself first */
  get frames() {
    return [this.root, ...this.children.filter(({ type }) => type === "iframe").map(({ target }) => target)];
  }

  /**
   * Ends the session. The browser forgets blocked URLs and isolated worlds with it. After this, and not before, `lost` says whether the session
   * had ended by itself: when a tab is closed its commands fail first and the event with the reason follows, or comes too late.
   * @returns {Promise<void>} it does not throw: what cannot be detached is attached no more
   */
  async detach() {
    try {
      if (!this.lost) await chrome.debugger.detach(this.root);
    } catch (error) {
      await this.#waitForReason();
      this.lost ??= new DebuggerLost(reasonOf(error));
    } finally {
      this.#stopListening();
    }
  }

  /** @returns {Promise<void>} resolves when the browser said why the session ended, or has had its time to */
  async #waitForReason() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(resolve, REASON_MS); });
    await Promise.race([this.whenLost, late]).catch(() => {});
    clearTimeout(timer);
  }

  /** @param {chrome.debugger.Debuggee & {sessionId?: string}} source @param {string} method @param {any} params */
  #onEvent(source, method, params) {
    if (source.tabId !== this.root.tabId || method !== "Target.attachedToTarget") return;
    const { tabId } = this.root;
    this.children.push({ target: { tabId, sessionId: params.sessionId }, type: params.targetInfo.type, url: params.targetInfo.url });
  }

  /** @param {chrome.debugger.Debuggee} source @param {string} reason */
  #onDetach(source, reason) {
    if (source.tabId !== this.root.tabId) return;
    this.lost = new DebuggerLost(reason);
    this.reportLost(this.lost);
  }

  #stopListening() {
    chrome.debugger.onEvent.removeListener(this.onEvent);
    chrome.debugger.onDetach.removeListener(this.onDetach);
  }
}
