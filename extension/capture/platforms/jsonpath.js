/** @typedef {Record<string, unknown>} JsonObject */
/** @typedef {{label: string, value: unknown}} JsonDocument */
/** @typedef {{value: unknown, key: string | number, parent: JsonNode | null, label: string}} JsonNode */

/** @param {unknown} value @returns {value is JsonObject} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What stands at a path; undefined when a step is missing. Inherited members are not seen.
 * @param {unknown} value @param {...(string | number)} path @returns {unknown}
 */
export function at(value, ...path) {
  let here = value;
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
    here = /** @type {Record<string | number, unknown>} */ (here)[key];
  }
  return here;
}

/** Like `at`, and keeps the way there, so that a claim can say where it stood. @param {JsonNode} node @param {...(string | number)} path @returns {JsonNode | null} */
export function nodeAt(node, ...path) {
  /** @type {JsonNode} */
  let here = node;
  for (const key of path) {
    const value = at(here.value, key);
    if (value === undefined) return null;
    here = { value, key, parent: here, label: here.label };
  }
  return here;
}

/** @param {JsonNode} node @returns {string} "<label>#$.a[0]['odd key']" */
export function pathOf(node) {
  /** @type {string[]} */
  const steps = [];
  for (let here = node; here.parent !== null; here = here.parent) steps.push(stepText(here.key));
  return `${node.label}#$${steps.reverse().join("")}`.slice(0, 1000);
}

/** @param {string | number} key @returns {string} */
function stepText(key) {
  if (typeof key === "number") return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 100))}]`;
}

/**
 * Every object of the documents, the outer before the inner, in the order they are written. Ends early at LIMITS.nodes.
 * @param {Iterable<JsonNode>} roots @param {{value: number}} budget is counted down; below zero: something was not visited
 * @param {(key: string | number) => boolean} [skip] members not to go into
 * @returns {Generator<JsonNode & {value: JsonObject}>}
 */
export function* objectsUnder(roots, budget, skip = () => false) {
  const stack = [...roots].reverse();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    budget.value -= 1;
    if (budget.value < 0) return;
    const { value, label } = node;
    if (isObject(value)) yield { ...node, value };
    const keys = isObject(value) ? Object.keys(value) : null;
    const length = keys?.length ?? (Array.isArray(value) ? value.length : 0);
    budget.value -= length >> 4;
    for (let index = length - 1; index >= 0; index -= 1) {
      const key = keys?.[index] ?? index;
      const child = at(value, key);
      if (typeof child === "object" && child !== null && !skip(key)) stack.push({ value: child, key, parent: node, label });
    }
  }
}

/** @param {unknown} value @returns {string | null} a text that is not empty */
export function textOf(value) {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

/** @param {unknown} value @returns {number} zero when it is no number */
export function numberOf(value) {
  return typeof value === "number" ? value : 0;
}

/** @param {unknown} value @returns {string | null} an id as text: digits as written, never a rounded number */
export function idOf(value) {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : null;
  return typeof value === "string" && /^[\w:.%-]{1,200}$/.test(value) ? value : null;
}
