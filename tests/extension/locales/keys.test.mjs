// Every text of the extension is used, and every text that is used is there, in each language.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../../extension/", import.meta.url);
const LANGUAGES = readdirSync(new URL("_locales/", ROOT)).sort();
const keysOf = (language) => Object.keys(JSON.parse(readFileSync(new URL(`_locales/${language}/messages.json`, ROOT), "utf8")));

/** name below extension/ → text, of what runs or is shown */
const SOURCES = new Map(readdirSync(ROOT, { recursive: true }).map((name) => name.replaceAll("\\", "/"))
  .filter((name) => /^(?!dist\/|_locales\/|node_modules\/).*\.(js|html|json)$/.test(name)).map((name) => [name, readFileSync(new URL(name, ROOT), "utf8")]));
const CODE = [...SOURCES.values()].join("\n");

/** @param {string} name of a source @param {RegExp} pattern whose first group holds quoted words @returns {string[]} */
function words(name, pattern) {
  const found = pattern.exec(SOURCES.get(name) ?? "");
  assert.ok(found, `${name} has no ${pattern}`);
  return [...found[1].matchAll(/"([a-z_]+)"/g)].map(([, word]) => word);
}

/** Texts whose name is put together while the program runs: beginning → every ending it can have. Those of one beginning are all of these. */
const MADE = new Map(Object.entries({
  batch_state_: words("batch/reducer.js", /\{([^}]*)\} BatchState/),
  batch_result_: words("batch/results.js", /\{([^}]*)\} Result/),
  batch_error_: words("batch/list.js", /code: ([^,]*), text: string\}\} ListError/),
  state_: words("ui/steps.js", /@returns \{([^}]*)\}\s*\*\/\s*export function shownState/),
  status_: [...words("queue/runs.js", /\{([^}]*)\} Phase/), ...words("ui/steps.js", /function statusOf([\s\S]*?)\n\}/).filter((word) => word !== "sealed"), "recording_ended"],
  finding_: words("ui/labels.js", /\{([^}]*)\} FindingKind/),
  label_state_: words("ui/labelform.js", /STATES = ([^;]*);/),
  label_place_: words("ui/labelform.js", /PLACES = ([^;]*);/).concat("none"),
  seen_kind_: words("seen/answer.js", /KINDS = ([^;]*);/),
  seen_how_: words("seen/browser.js", /\{how: ([^,]*),/),
  post_source_: words("capture/platforms/types.js", /\{("platform_id"[^}]*)\} source/),
  missed_: words("ui/missed.js", /WORDS = ([\s\S]*?)\}\);/).filter((word, at, all) => all.indexOf(word) === at),
  step_: words("ui/steps.js", /ORDER = ([^;]*);/).concat("done", "now", "todo", "failed"),
}));

/** Beginnings whose endings are codes of errors: each ending stands in the program as a word of its own. */
const CODES = ["batch_reason_", "reason_", "error_", "pair_", "seen_failed_", "claim_", "label_", "mode_", "file_event_", "file_receipt_"];

test("every text that the pages and the program name is there, in each language", () => {
  const patterns = [/\btext\(\s*(?:[^"()?]*\? )?"(\w+)"/g, /\btext\([^"()?]*\? "\w+" : "(\w+)"/g, /data-(?:text|placeholder|title|label)="(\w+)"/g, /getMessage\("(\w+)"/g, /__MSG_(\w+)__/g];
  const named = patterns.flatMap((pattern) => [...CODE.matchAll(pattern)].map(([, key]) => key));
  assert.ok(named.length > 150);
  const made = [...MADE].flatMap(([beginning, endings]) => endings.map((ending) => beginning + ending));
  for (const language of LANGUAGES) {
    const known = new Set(keysOf(language));
    assert.deepEqual([...new Set([...named, ...made])].filter((key) => !known.has(key)), [], language);
  }
});

test("every text that is there is used", () => {
  const literal = new Set([...CODE.matchAll(/["'`](?:__MSG_)?(\w+?)(?:__)?["'`]/g)].map(([, word]) => word));
  const isWord = (word) => literal.has(word) || new RegExp(`\\b${word}:`).test(CODE);
  const isMade = (key) => [...MADE].some(([beginning, endings]) => key.startsWith(beginning) && endings.includes(key.slice(beginning.length)));
  const isCode = (key) => CODES.some((beginning) => key.startsWith(beginning) && CODE.includes(`\`${beginning}\${`) && isWord(key.slice(beginning.length).replace(/_hint$/, "")));
  assert.deepEqual(keysOf("en").filter((key) => !literal.has(key) && !isMade(key) && !isCode(key)), []);
});

test("every beginning of a text's name in the program is one of those above", () => {
  const beginnings = new Set([...CODE.matchAll(/`([a-z][a-z0-9_]*_)\$\{/g)].map(([, beginning]) => beginning));
  const known = new Set([...MADE.keys(), ...CODES]);
  const ofTexts = [...beginnings].filter((beginning) => keysOf("en").some((key) => key.startsWith(beginning)));
  assert.deepEqual(ofTexts.filter((beginning) => !known.has(beginning)), []);
});
