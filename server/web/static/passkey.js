// One ceremony of a passkey: the page's options go to the browser, its answer goes into the form, the form is sent. No request is made here.
const form = /** @type {HTMLFormElement} */ (document.getElementById("ceremony"));
const again = /** @type {HTMLButtonElement} */ (document.getElementById("again"));
const said = /** @type {HTMLElement} */ (document.getElementById("said"));

/** @param {string} text base64url @returns {Uint8Array} */
function bytes(text) {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer | null | undefined} buffer @returns {string | undefined} base64url without padding */
function text(buffer) {
  if (!buffer) return undefined;
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** What navigator.credentials takes, from the JSON of the page (WebAuthn Level 3, 5.1.8 and 5.1.9). @param {any} options */
function parsed(options) {
  const listed = (/** @type {any[]} */ list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));
  return {
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: listed(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: listed(options.excludeCredentials) }),
  };
}

/** The answer as the service reads it. @param {any} made */
function written(made) {
  const response = {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
    authenticatorData: text(made.response.authenticatorData),
    signature: text(made.response.signature),
    userHandle: text(made.response.userHandle),
  };
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response });
}

/** @param {string} name of the browser's error */
function say(name) {
  const known = document.querySelector(`[data-error="${CSS.escape(name)}"]`) ?? document.querySelector('[data-error=""]');
  said.textContent = known?.textContent ?? "";
  said.hidden = false;
  again.hidden = false;
}

async function run() {
  said.hidden = true;
  again.hidden = true;
  const publicKey = parsed(JSON.parse(form.dataset.options ?? "{}"));
  try {
    if (!navigator.credentials || !window.PublicKeyCredential) return say("NotSupportedError");
    const made = await (form.dataset.kind === "create" ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
    if (!made) return say("");
    /** @type {HTMLInputElement} */ (form.elements.namedItem("answer")).value = written(made);
    form.requestSubmit();
  } catch (error) {
    say(error instanceof Error ? error.name : "");
  }
}

again.addEventListener("click", run);
run();
