import { adLibrary } from "./adlibrary.js";
import { bluesky } from "./bluesky.js";
import { Draft } from "./draft.js";
import { facebook } from "./facebook.js";
import { generic, readOpenGraph } from "./generic.js";
import { instagram } from "./instagram.js";
import { linkedin } from "./linkedin.js";
import { StoredPage } from "./page.js";
import { telegram } from "./telegram.js";
import { tiktok } from "./tiktok.js";
import { vk } from "./vk.js";
import { x } from "./x.js";
import { youtube } from "./youtube.js";

/** @typedef {import("./types.js").PostMetadata} PostMetadata */
/** @typedef {import("./types.js").StoredPost} StoredPost */
/** @typedef {{name: string, version: string, platform: string, matches: (url: URL) => boolean, read: (page: StoredPage, draft: Draft) => void}} PlatformModule */

/** @type {readonly PlatformModule[]} the first that matches reads */
export const MODULES = [adLibrary, facebook, instagram, tiktok, youtube, telegram, vk, bluesky, linkedin, x, generic];
const DISAGREE_S = 60;

/**
 * What a stored page tells about its post: who, which, when, how much, and what the page's own fields claim.
 *
 * Reads only what is handed in; never throws, whatever it is. What could not be read stands in `problems`. Everything here is the page's
 * word: a page, or a person at it, can write what it likes into its own JSON. Not checked: that any of it is true, or was visible.
 * @param {StoredPost} stored @returns {PostMetadata}
 */
export function readPost(stored) {
  const page = openPage(stored);
  const module = MODULES.find((candidate) => candidate.matches(page.url)) ?? generic;
  const draft = new Draft({ platform: module.platform, module: module.name, moduleVersion: module.version, language: page.language });
  if (page.url.protocol === "about:") draft.problem("the address is not a URL");
  attempt(draft, module.name, () => module.read(page, draft));
  if (module !== generic && isAboutPost(page, draft)) attempt(draft, "OpenGraph", () => readOpenGraph(page, draft));
  attempt(draft, "times", () => compareTimes(page, draft));
  page.problems.forEach((problem) => draft.problem(problem));
  return draft.post;
}

/** @param {StoredPost} stored @returns {StoredPage} */
function openPage(stored) {
  try {
    return new StoredPage(stored);
  } catch (error) {
    const page = new StoredPage({ url: "" });
    page.problems.push(`the stored page could not be opened: ${nameOf(error)}`);
    return page;
  }
}

/**
 * The one place where any error is caught: a module that fails on a page it did not foresee must not cost the capture.
 * @param {Draft} draft @param {string} what @param {() => void} work
 */
function attempt(draft, what, work) {
  try {
    work();
  } catch (error) {
    draft.problem(`${what}: stopped by an error (${nameOf(error)}); what was read until then stands`);
  }
}

/** @param {unknown} error @returns {string} its class only: a message may quote the page */
function nameOf(error) {
  return error instanceof Error ? error.name : "unknown";
}

/** A page that changes without loading keeps the meta elements of where it began. @param {StoredPage} page @param {Draft} draft @returns {boolean} */
function isAboutPost(page, draft) {
  const address = page.meta("og:url");
  const { postId, postUrl } = draft.post;
  const names = [postId, postUrl?.split(/[/=]/).findLast((part) => part !== "") ?? null];
  return postId !== null && address !== null && names.some((name) => name !== null && address.includes(name));
}

/** @param {StoredPage} page @param {Draft} draft */
function compareTimes(page, draft) {
  const [best, ...others] = draft.post.postedAt.filter(({ precisionS }) => precisionS <= DISAGREE_S);
  if (best === undefined) return;
  const distances = others.map(({ value }) => Math.abs(Date.parse(value) - Date.parse(best.value)) / 1000);
  const widest = Math.round(Math.max(0, ...distances));
  if (widest > DISAGREE_S) draft.problem(`the post times differ by up to ${widest} s: see their notes`);
  const captured = Date.parse(page.capturedAt ?? "");
  if (captured + DISAGREE_S * 1000 < Date.parse(best.value)) draft.problem("the best post time is later than the capture");
}
