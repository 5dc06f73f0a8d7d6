// The values that travel between capture/, archive/, seal/ and queue/. Types only: nothing here runs.

/**
 * What the person's window showed, read before anything touched the page.
 * @typedef {object} ViewportFacts
 * @property {string} url           of the tab at the click, secrets removed only later (see CaptureResult.page)
 * @property {string} title
 * @property {number} scrollX       CSS pixels
 * @property {number} scrollY       CSS pixels
 * @property {number} width         CSS pixels
 * @property {number} height        CSS pixels
 * @property {number} devicePixelRatio
 * @property {string} timeZone      IANA name
 * @property {string} language      BCP 47
 * @property {string} userAgent
 * @property {string} capturedAt    RFC 3339, UTC, milliseconds: the device's clock just after the shot
 * @property {"captureVisibleTab" | "debugger" | "captureTab"} shotBy  the last two: the tab was not in front, or the browser refused the first way
 */

/** @typedef {{png: Blob, facts: ViewportFacts}} ViewportShot */

/** @typedef {"live_memory" | "http_cache" | "live_stream" | "refetched" | "generated"} BodySource */

/**
 * One named step. A step that failed or could not run never stops the capture and is never hidden.
 * @typedef {{name: string, outcome: "PASSED" | "FAILED" | "NOT_CHECKED", reason: string, ms: number}} Step
 */

/**
 * One body of the archive, as `urn:pageinfo:` lists it.
 * @typedef {object} PageResource
 * @property {string} url
 * @property {string} type          the browser's resource type ("Document", "Image", …)
 * @property {number | null} status HTTP status; null: not known
 * @property {string} mime
 * @property {BodySource} source
 * @property {string} sha256        of the bytes in the archive
 * @property {number} sizeBytes     of the bytes in the archive
 * @property {boolean} exact        true: proved to be the bytes the browser received (after content decoding)
 * @property {string} [note]        why not exact, or why the source is in doubt
 * @property {string} [originalHmacSha256]  keyed hash of the body before secrets were removed from it (secrets/original.js)
 * @property {string} [method]      of the request, unless GET
 * @property {2} [pass]             came of the second pass, after the shots
 * @property {string} [headers]     "omitted: <why>" when the response headers are not known
 */

/** @typedef {{url: string, type: string, reason: string, times?: number, method?: string, pass?: 2}} OmittedResource */

/** @typedef {{where: string, name: string}} RemovedSecret */

/**
 * @typedef {object} PageInfo  The JSON of `urn:pageinfo:<url>` (docs/formats.md §7).
 * @property {string} url
 * @property {string} capturedAt
 * @property {"as_seen" | "recorded" | "reloaded"} mode
 * @property {(import("./images/boxes.js").ImagePlace & {frameUrl?: string})[]} [images]
 * @property {PageResource[]} resources
 * @property {OmittedResource[]} omitted
 * @property {Step[]} steps
 * @property {RemovedSecret[]} secrets
 * @property {string[]} notes
 */

/**
 * @typedef {object} CaptureArtifact
 * @property {"page.wacz" | "screenshot.viewport" | "screenshot.full" | "image"} role
 * @property {string} name          unique within the capture
 * @property {string} mediaType
 * @property {Blob} blob            may be backed by files of the origin's private file system: see CaptureResult.workFolder
 */

/** @typedef {Omit<ViewportFacts, "url" | "title"> & {url: string, finalUrl: string, title: string}} CapturedPage */

/** @typedef {{x: number, y: number, width: number, height: number}} Box  CSS pixels from the top left corner of the viewport, as the viewport shot shows it */

/**
 * The picture that the person pointed at (docs/formats.md §3).
 * @typedef {object} ImageSelection
 * @property {"image"} kind
 * @property {string} srcUrl        secrets removed; of a `data:` address the beginning only
 * @property {string} frameUrl      of the frame that shows it
 * @property {Box | null} box
 * @property {number} matches       elements of that frame that show this address: more than one, and the largest visible is meant
 * @property {string | null} artifact  name of the artifact with its bytes; null: why stands in `reason`
 * @property {BodySource | null} source
 * @property {boolean} exact
 * @property {string} reason
 */

/** @typedef {ImageSelection | {kind: "region", box: Box}} Selection */

/**
 * @typedef {object} CaptureResult
 * @property {CaptureArtifact[]} artifacts  screenshot.viewport first; page.wacz last
 * @property {CapturedPage} page            `url`, `finalUrl`, `title` with secrets removed: safe to put into a statement
 * @property {"as_seen" | "recorded" | "reloaded"} [mode]  default "as_seen"
 * @property {string} method                "chrome.debugger"; when that could not attach, "scripting" (DOM, no bodies) or "viewport_only"
 * @property {{captured: number, omitted: number, failedSteps: string[]}} pageinfo
 * @property {{kept: boolean, removed: number}} secrets
 * @property {string[]} notes
 * @property {Selection | null} [selection]
 * @property {import("./platforms/types.js").PostMetadata | null} [post]  what the page says of its post: claims, secrets removed
 * @property {(isKept: boolean) => Promise<void>} [release]  to be told, once, whether the capture is durable or was given up by the person: until then the
 *   recording that it was made of, which cannot be had again, is kept; false gives it back to its tab
 * @property {string | null} workFolder     give it to discardWorkFolder() once the blobs are stored elsewhere
 */

/** @typedef {{signature: string, publicKey: string}} PageSignature  base64: raw r‖s (P-384, SHA-256) and SPKI */

/**
 * @typedef {object} CaptureOptions
 * @property {ViewportShot} [viewport]      from takeViewportShot(), taken at the click; without it captureAsSeen takes it first
 * @property {(step: string, done: number, total: number) => void} [onProgress]
 * @property {import("./passive.js").PassiveBuffer | null} [passive]
 * @property {((text: string) => Promise<PageSignature>) | null} [signPageDigest]
 * @property {Uint8Array} [hmacKey]         32 bytes; a random key per capture when absent
 * @property {"as_seen" | "recorded" | "reloaded"} [mode]  how the page came to be what was captured; default "as_seen"
 * @property {{kind: "region", box: Box} | {kind: "image", wish: import("./images/place.js").ImageWish, place: import("./images/place.js").Place | null,
 *   mayRefetch: boolean}} [selected]        what the person pointed at, found right after the shot
 * @property {boolean} [secondPass]         after a capture as seen: scroll and expand, and keep what comes of it as further; default false
 * @property {boolean} [keepSecrets]        opt-in of the person, stated in the statement; default false
 */

export {};
