/** @typedef {import("./types.js").Exchange} Exchange */
/** @typedef {import("./types.js").Headers} Headers */

/** @typedef {{headers: Headers, statusLine: string, status: number | null}} ResponseHead */

const LOGIN_ASKED = [401, 407];
const CACHED = /** @type {const} */ ([["fromDiskCache", "disk"], ["fromPrefetchCache", "prefetch"], ["fromServiceWorker", "service_worker"]]);

/**
 * The exchanges of a recording, built from the debugger's Network events of all sessions. Bodies are not its business.
 *
 * Raw headers come in events of their own, before or after the event they belong to and without a hop number: the n-th of them belongs to the
 * n-th hop that says it has one, and a hop out of a cache or of the browser's own making has none. Until a hop has been answered, none is given to it or
 * to those after it. Source: Chrome DevTools Protocol, Network domain (hasExtraInfo, redirectHasExtraInfo); order measured.
 */
export class NetworkLog {
  constructor() {
    /** @type {Map<string, Exchange[]>} request id → hops */
    this.byId = new Map();
    /** @type {Map<string, {headers: Headers}[]>} request heads that are still to be given to a hop, by request id */
    this.requestHeads = new Map();
    /** @type {Map<string, ResponseHead[]>} */
    this.responseHeads = new Map();
    /** @type {Set<string>} keys of exchanges that changed since takeChanged() */
    this.changed = new Set();
  }

  /** @returns {Exchange[]} in the order in which they began */
  get exchanges() {
    return [...this.byId.values()].flat().sort((left, right) => left.startedAt - right.startedAt);
  }

  /** @param {string} requestId @returns {Exchange | undefined} its last hop */
  last(requestId) {
    return this.byId.get(requestId)?.at(-1);
  }

  /** @returns {Exchange[]} what changed since the last call */
  takeChanged() {
    const changed = [...this.byId.values()].flat().filter(({ key }) => this.changed.has(key));
    this.changed.clear();
    return changed;
  }

  /** @param {string} requestId @param {Partial<Exchange>} facts of its last hop @returns {Exchange | undefined} */
  update(requestId, facts) {
    const exchange = this.last(requestId);
    if (!exchange) return undefined;
    this.changed.add(exchange.key);
    return Object.assign(exchange, facts);
  }

  /** @param {string} method of the protocol @param {any} params @param {string | null} sessionId */
  handle(method, params, sessionId) {
    switch (method) {
      case "Network.requestWillBeSent": return this.#begin(params, sessionId);
      case "Network.requestWillBeSentExtraInfo": return this.#keepHead(this.requestHeads, params.requestId, { headers: headerLines(params.headers) });
      case "Network.responseReceivedExtraInfo": return this.#keepHead(this.responseHeads, params.requestId, rawHead(params));
      case "Network.requestServedFromCache": return void this.update(params.requestId, { servedBy: "memory" });
      case "Network.responseReceived": return this.#answer(params.requestId, params.response, { type: params.type, hasHeads: params.hasExtraInfo === true });
      case "Network.loadingFinished": return void this.update(params.requestId, { finished: true });
      case "Network.loadingFailed":
        this.update(params.requestId, { finished: true, error: params.blockedReason ? `${params.errorText} (${params.blockedReason})` : params.errorText });
        return this.#giveHeads(params.requestId);
      case "Network.webSocketCreated": return this.#openSocket(params, sessionId);
      case "Network.webSocketHandshakeResponseReceived": return this.#answerSocket(params);
      default: return undefined;
    }
  }

  /** Nothing more will be told: the raw heads that are left are those of the last hops, which were not answered. */
  end() {
    for (const requestId of this.byId.keys()) this.#giveHeads(requestId, { isOver: true });
  }

  /**
   * A request that the debugger held before the network log told of it: it is listed from what the hold says.
   * @param {any} params of Fetch.requestPaused @param {string | null} sessionId @returns {Exchange}
   */
  adopt(params, sessionId) {
    const requestId = params.networkId ?? `paused-${params.requestId}`;
    const known = this.last(requestId);
    const exchange = known ?? this.#add(requestId, params.request, { sessionId, type: params.resourceType, startedAt: Date.now() });
    const headers = (params.responseHeaders ?? []).map((/** @type {{name: string, value: string}} */ { name, value }) => [name, value]);
    if (exchange.status === null && params.responseStatusCode !== undefined) {
      const isRaw = this.taken.has(`${exchange.key} response`); // a hold leaves cookies out of the head it shows
      Object.assign(exchange, { status: params.responseStatusCode, responseHeaders: isRaw ? exchange.responseHeaders : headers, respondedAt: exchange.respondedAt ?? Date.now(),
        statusLine: exchange.statusLine || statusLine("HTTP/1.1", params.responseStatusCode, params.responseStatusText ?? ""),
        mime: exchange.mime || mimeOf(headers), charset: exchange.charset ?? charsetOf(headers) });
    }
    this.changed.add(exchange.key);
    return exchange;
  }

  /** @param {any} params @param {string | null} sessionId */
  #begin(params, sessionId) {
    const { requestId, request, redirectResponse, redirectHasExtraInfo, wallTime, type } = params;
    const startedAt = Math.round(wallTime * 1000);
    const before = this.last(requestId);
    if (before && redirectResponse) {
      this.#answer(requestId, redirectResponse, { hasHeads: redirectHasExtraInfo === true });
      this.update(requestId, { redirectTo: bare(request.url), finished: true, omitted: "a redirect: the browser keeps no body of it" });
    } else if (before) { // the hold was told first, or two sessions tell of the same request
      this.update(requestId, { startedAt: Math.min(before.startedAt, startedAt), type: type ?? before.type, ...(before.requestBody === null ? bodyOf(request) : {}) });
      return;
    }
    this.#add(requestId, request, { sessionId, type: type ?? "Other", startedAt });
  }

  /** @param {string} requestId @param {any} request @param {{sessionId: string | null, type: string, startedAt: number}} facts @returns {Exchange} */
  #add(requestId, request, { sessionId, type, startedAt }) {
    const hops = this.byId.get(requestId) ?? [];
    /** @type {Exchange} */
    const exchange = { key: `${requestId}/${hops.length}`, requestId, hop: hops.length, sessionId, url: bare(request.url), type, method: request.method,
      requestHeaders: headerLines(request.headers ?? {}), ...bodyOf(request), startedAt, respondedAt: null, status: null, statusLine: "", responseHeaders: [],
      mime: "", charset: null, ip: null, protocol: "", servedBy: "", redirectTo: null, finished: false, error: null, bodyBy: "", exact: false, bodyNote: "",
      sizeBytes: 0, omitted: "" };
    this.byId.set(requestId, [...hops, exchange]);
    this.changed.add(exchange.key);
    this.#giveHeads(requestId);
    return exchange;
  }

  /** @param {string} requestId @param {any} response @param {{type?: string, hasHeads: boolean}} facts hasHeads: whether raw heads of it are told */
  #answer(requestId, response, { type, hasHeads }) {
    const exchange = this.last(requestId);
    if (!exchange) return;
    this.hasHeads.set(exchange.key, hasHeads);
    const servedBy = CACHED.find(([name]) => response[name])?.[1] ?? exchange.servedBy;
    const isRaw = this.taken.has(`${exchange.key} response`);
    const headers = headerLines(response.headers);
    Object.assign(exchange, { type: type ?? exchange.type, status: response.status, mime: response.mimeType || exchange.mime,
      charset: charsetOf(headers) ?? exchange.charset, ip: response.remoteIPAddress ? response.remoteIPAddress.replace(/^\[|\]$/g, "") : null,
      protocol: response.protocol ?? "", servedBy, respondedAt: response.responseTime ? Math.round(response.responseTime) : exchange.respondedAt ?? Date.now() });
    if (!isRaw) {
      if (exchange.responseHeaders.length === 0) exchange.responseHeaders = headers; // a hold has shown them with every repeated line
      exchange.statusLine = statusLine(response.protocol, response.status, response.statusText);
    }
    this.changed.add(exchange.key);
    this.#giveHeads(requestId);
  }

  /** Raw heads that a hop has got already: `<key> request`, `<key> response`. @type {Map<string, object>} */
  taken = new Map();

  /** @template T @param {Map<string, T[]>} heads @param {string} requestId @param {T} head */
  #keepHead(heads, requestId, head) {
    heads.set(requestId, [...heads.get(requestId) ?? [], head]);
    this.#giveHeads(requestId);
  }

  /** Whether raw heads are told of an exchange, by key; unknown until it is answered. @type {Map<string, boolean>} */
  hasHeads = new Map();

  /**
   * Gives the raw heads that have come to the hops that have none yet, in order.
   * @param {string} requestId @param {{isOver?: boolean}} [options] isOver: no hop will begin any more
   */
  #giveHeads(requestId, { isOver = false } = {}) {
    const [requests, responses] = [this.requestHeads.get(requestId) ?? [], this.responseHeads.get(requestId) ?? []];
    let [request, response] = [0, 0];
    for (const exchange of this.byId.get(requestId) ?? []) {
      const hasHeads = this.hasHeads.get(exchange.key) ?? (isOver || exchange.finished ? true : null); // one that failed was the last
      if (hasHeads === null) return;
      if (!hasHeads) continue;
      const tries = triesBefore(responses.slice(response), exchange.status);
      response += tries;
      if (requests.length >= responses.length) request += tries; // told one for one
      this.#give(exchange, requests[request], responses[response]);
      request += 1;
      response += 1;
    }
  }

  /** @param {Exchange} exchange @param {{headers: Headers} | undefined} request @param {ResponseHead | undefined} response a later try's takes the place of an earlier one's */
  #give(exchange, request, response) {
    if (request && this.taken.get(`${exchange.key} request`) !== request) {
      this.taken.set(`${exchange.key} request`, request);
      exchange.requestHeaders = request.headers;
      this.changed.add(exchange.key);
    }
    if (response && this.taken.get(`${exchange.key} response`) !== response) {
      this.taken.set(`${exchange.key} response`, response);
      exchange.responseHeaders = response.headers;
      if (response.statusLine) exchange.statusLine = response.statusLine;
      this.changed.add(exchange.key);
    }
  }

  /** @param {any} params @param {string | null} sessionId */
  #openSocket({ requestId, url }, sessionId) {
    const exchange = this.#add(requestId, { url, method: "GET" }, { sessionId, type: "WebSocket", startedAt: Date.now() });
    exchange.omitted = "a WebSocket: its messages are not recorded";
  }

  /** @param {any} params */
  #answerSocket({ requestId, response }) {
    this.update(requestId, { status: response.status, respondedAt: Date.now(), finished: true,
      statusLine: statusLine("http/1.1", response.status, response.statusText), responseHeaders: headerLines(response.headers),
      requestHeaders: headerLines(response.requestHeaders ?? {}) });
  }
}

/** @param {Record<string, string>} headers a repeated name has its values on lines of their own @returns {Headers} one line each */
function headerLines(headers) {
  return Object.entries(headers).flatMap(([name, value]) => String(value).split("\n").map((line) => /** @type {[string, string]} */ ([name, line])));
}

/**
 * @param {ResponseHead[]} heads from this hop's first try on @param {number | null} status that the hop was answered with
 * @returns {number} how many of them are of tries before the last one: each asks for a login
 */
function triesBefore(heads, status) {
  const isAsked = (/** @type {ResponseHead | undefined} */ head) => head !== undefined && head.status !== null && LOGIN_ASKED.includes(head.status);
  let tries = 0;
  while (isAsked(heads[tries]) && heads[tries].status !== status && heads.length > tries + 1) tries += 1;
  while (isAsked(heads[tries]) && heads[tries].status === status && isAsked(heads[tries + 1])) tries += 1;
  return tries;
}

/** @param {any} params @returns {ResponseHead} the head as it was on the line, where the protocol has one */
function rawHead({ headers, headersText, statusCode }) {
  const status = statusCode ?? (Number(/^HTTP\/\S+ (\d{3})/.exec(headersText ?? "")?.[1]) || null);
  if (!headersText) return { headers: headerLines(headers), statusLine: "", status };
  const [first, ...lines] = String(headersText).split(/\r?\n/).filter((line) => line !== "");
  return { status, statusLine: first, headers: lines.map((line) => {
    const at = line.indexOf(":");
    return /** @type {[string, string]} */ ([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
  }) };
}

/** @param {any} request of the protocol @returns {Pick<Exchange, "requestBody" | "requestBodyNote">} */
function bodyOf(request) {
  if (!request.hasPostData) return { requestBody: null, requestBodyNote: "" };
  const parts = (request.postDataEntries ?? []).map((/** @type {{bytes?: string}} */ { bytes }) => bytes);
  if (parts.length === 1 && parts[0] !== undefined) return { requestBody: parts[0], requestBodyNote: "" };
  return { requestBody: null, requestBodyNote: parts.length > 1 ? "sent in parts, as files are" : "not told with the request" };
}

/** @param {string | undefined} protocol @param {number} status @param {string} text @returns {string} HTTP/2 and later have no reason phrase and no line: it is written as theirs is shown everywhere */
function statusLine(protocol, status, text) {
  const version = /^h2/i.test(protocol ?? "") ? "HTTP/2" : /^h3|quic/i.test(protocol ?? "") ? "HTTP/3" : "HTTP/1.1";
  return `${version} ${status} ${text}`.trim();
}

/** @param {Headers} headers @returns {string} */
function mimeOf(headers) {
  return (headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "").split(";", 1)[0].trim().toLowerCase();
}

/** @param {Headers} headers @returns {string | null} */
function charsetOf(headers) {
  const contentType = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1] ?? null;
}

/** @param {string} url @returns {string} without fragment */
function bare(url) {
  return url.replace(/#.*$/s, "");
}
