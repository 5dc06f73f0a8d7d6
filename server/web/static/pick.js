// A field that asks for something of the service finds it while one types: a list below it, for keyboard and pointer. Without this
// script the same field is typed in full, or looked up on the page its link leads to. Texts are set as text, never as markup.
const WAIT_MS = 200;

/** @typedef {{value: string, label: string, detail: string}} Pick */

/** @param {string} tag @param {Record<string, string>} [attributes] @param {string} [text] */
function made(tag, attributes = {}, text = "") {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** The part of the field that is being typed: all of it, or what stands after the last comma. @param {HTMLInputElement} field */
function typed(field) {
  const text = field.value;
  const from = "pickMany" in field.dataset ? text.lastIndexOf(",") + 1 : 0;
  return { before: text.slice(0, from), said: text.slice(from).trim() };
}

/** @param {HTMLInputElement} field */
function picker(field) {
  const list = made("ul", { class: "pick-list", role: "listbox", id: `${field.id}-list`, "aria-label": field.labels?.[0]?.textContent ?? "" });
  const status = made("p", { class: "visually-hidden", role: "status" });
  const name = field.name;
  /** @type {Pick[]} */ let picks = [];
  /** @type {HTMLInputElement | null} */ let hidden = null;
  let at = -1;
  let waiting = 0;
  let asked = 0;
  list.hidden = true;
  for (const [key, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list", autocomplete: "off" })) field.setAttribute(key, value);
  field.after(list, status);

  function close() {
    list.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  /** @param {number} next */
  function point(next) {
    at = (next + picks.length) % picks.length;
    [...list.children].forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    const option = list.children[at];
    if (!option) return;
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  /** What was chosen is sent in the place of what is shown, until somebody types again. @param {Pick} pick */
  function choose(pick) {
    const { before } = typed(field);
    if ("pickMany" in field.dataset) field.value = `${before}${before && " "}${pick.value}`;
    else if (pick.value === pick.label) field.value = pick.value;
    else {
      forget();
      field.value = pick.label;
      field.removeAttribute("name");
      hidden = /** @type {HTMLInputElement} */ (made("input", { type: "hidden", name, value: pick.value }));
      field.after(hidden);
    }
    status.textContent = `${pick.label} ${pick.detail}`;
    close();
    field.focus();
  }

  function forget() {
    hidden?.remove();
    hidden = null;
    field.name = name;
  }

  async function look() {
    const number = ++asked;
    const address = new URL(/** @type {string} */ (field.dataset.pick), location.href);
    address.searchParams.set("q", typed(field).said);
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok || number !== asked || document.activeElement !== field) return;
      picks = (await answer.json()).picks;
    } catch {
      return; // the field is typed in full, as without this script
    }
    list.replaceChildren(...picks.map((pick, place) => {
      const option = made("li", { role: "option", id: `${list.id}-${place}`, "aria-selected": "false" });
      option.append(made("span", {}, pick.label), made("span", { class: "soft small" }, pick.detail));
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => choose(pick));
      return option;
    }));
    status.textContent = String(picks.length);
    list.hidden = !picks.length;
    at = -1;
    field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-expanded", String(!list.hidden));
  }

  field.addEventListener("input", () => {
    forget();
    clearTimeout(waiting);
    waiting = setTimeout(look, WAIT_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) look();
      else point(event.key === "ArrowDown" ? at + 1 : at < 0 ? picks.length - 1 : at - 1);
    } else if (event.key === "Enter" && !list.hidden && at >= 0) {
      event.preventDefault();
      choose(/** @type {Pick} */ (picks[at]));
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  field.addEventListener("blur", close);
}

document.querySelectorAll("input[data-pick]").forEach((field) => picker(/** @type {HTMLInputElement} */ (field)));
