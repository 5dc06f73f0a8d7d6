// The values of a recording. Types only: nothing here runs.

/** @typedef {[string, string][]} Headers */

/**
 * One request and its answer, as far as they were seen. A redirect ends one exchange and begins another with the next `hop`.
 * @typedef {object} Exchange
 * @property {string} key                 `<request id>/<hop>`
 * @property {string} requestId           the browser's; unique over all processes of the tab
 * @property {number} hop                 0 for the first
 * @property {string | null} sessionId    of the frame or worker that asked; null: the page itself
 * @property {string} url                 without fragment
 * @property {string} type                the browser's resource type: Document, Image, Fetch, …
 * @property {string} method
 * @property {Headers} requestHeaders
 * @property {string | null} requestBody  base64; null: none, or see requestBodyNote
 * @property {string} requestBodyNote     why a body that was sent is not here; ""
 * @property {number} startedAt           ms since 1970
 * @property {number | null} respondedAt  ms since 1970: when the answer's head came
 * @property {number | null} status
 * @property {string} statusLine          "" until the answer
 * @property {Headers} responseHeaders    lines as received, repeated ones repeated
 * @property {string} mime
 * @property {string | null} charset      as declared
 * @property {string | null} ip
 * @property {string} protocol            "http/1.1", "h2", …; ""
 * @property {"" | "memory" | "disk" | "prefetch" | "service_worker"} servedBy  "": the network
 * @property {string | null} redirectTo
 * @property {boolean} finished
 * @property {string | null} error        the browser's word for why it was not loaded
 * @property {"" | "streamed" | "paused" | "kept"} bodyBy  streamed beside the page · read while the answer was held · out of the browser's store
 * @property {boolean} exact              the bytes are those the browser received, after content decoding
 * @property {string} bodyNote            why not exact; ""
 * @property {number} sizeBytes           of the body kept
 * @property {string} omitted             why there is no body here; ""
 */

/**
 * What is kept of a recording beside its exchanges.
 * @typedef {object} RecordingFacts
 * @property {number} tabId
 * @property {string} folder              of the origin's private file system
 * @property {string} startedAt           RFC 3339
 * @property {"tab" | "case"} scope       "case": tabs opened from this one are recorded too
 * @property {number | null} openedFrom   the recorded tab that opened this one
 * @property {string | null} endedBy      null while it runs; else why it ended before the capture: the recording is PARTIAL
 */

export {};
