// What the platform modules hand over. Types only: nothing here runs.

/**
 * One reading of when the post was made. The truth lies within `precisionS` seconds either side of `value`, if the source is right.
 * @typedef {object} PostTime
 * @property {string} value       RFC 3339, UTC
 * @property {"platform_id" | "embedded_json" | "displayed"} source  displayed: an absolute time in the page's own markup
 * @property {number} precisionS  seconds
 * @property {string} [note]      what a reader has to know before relying on it
 */

/**
 * @typedef {object} PostCount
 * @property {string} name        lower case with underscores: "likes", "followers", "reach_eu"
 * @property {number} low
 * @property {number | null} high null: the platform gives no upper end ("10,000+")
 * @property {boolean} exact      the platform wrote a whole number; not a promise that it counts well
 * @property {string} asWritten   what stood there, at most 100 characters
 */

/** @typedef {"image" | "video" | "audio" | "file"} MediaType */
/** @typedef {{type: MediaType, url: string}} PostMedia */

/**
 * What the page says of itself in a machine-readable field. A claim of the page, never a fact, and never what a person saw.
 * `absent`: the platform's field is there and says no. A field that is missing, or is null, is `not_checked`.
 * @typedef {object} PageClaim
 * @property {string} kind        "ai_label", "paid_partnership", "promoted", "community_note", "ad_payer", …
 * @property {"present" | "absent" | "not_checked"} state
 * @property {string | number | boolean | null} value  as the platform wrote it; larger values as JSON text, cut at 2,000 characters
 * @property {string | null} where  "<which text>#<JSON path>", e.g. "bodies[2]#$.data.items[0].is_paid_partnership"
 * @property {string} platformField the field's own name; the fields that were looked for when none was there
 * @property {string | null} reason why it was not checked
 * @property {string} [note]
 */

/**
 * @typedef {object} PostMetadata
 * @property {string} platform    "x", "facebook", "meta_ad_library", "instagram", "tiktok", "youtube", "telegram", "vk", "bluesky", "linkedin", "web"
 * @property {string | null} accountId      the platform's own id, always text
 * @property {string | null} accountHandle  without "@"
 * @property {string | null} accountName    as displayed
 * @property {string | null} postId         null: the page is not one post
 * @property {string | null} postUrl        in the platform's canonical form, without tracking
 * @property {PostTime[]} postedAt          candidates, best first: platform id, then JSON, then displayed
 * @property {string | null} text
 * @property {string | null} language       BCP 47, as the platform or the page says
 * @property {PostCount[]} counts
 * @property {PostMedia[]} media            never fetched by this program
 * @property {PageClaim[]} claims
 * @property {string} module
 * @property {string} moduleVersion
 * @property {string[]} problems            what could not be read, in words, without page content
 */

/** @typedef {string | {id?: string, type?: string, text: string, url?: string}} JsonText  a start-up script's text and the script's id */
/** @typedef {{url?: string, mime?: string, text: string}} ResponseBody */
/** @typedef {{name: string, content: string}} MetaTag */

/**
 * What a capture already holds. Nothing is fetched for it.
 * @typedef {object} StoredPost
 * @property {string} url
 * @property {JsonText[]} [jsonTexts]   JSON-LD, start-up JSON, scripts that assign JSON to a variable
 * @property {ResponseBody[]} [bodies]  response bodies, those that are JSON are read
 * @property {MetaTag[]} [metaTags]
 * @property {string} [html]            the DOM as stored; for platforms that render on the server, and for scripts not in jsonTexts
 * @property {string} [language]        of the document element
 * @property {string} [capturedAt]      RFC 3339; a post time later than it is reported as a problem
 */

export {};
