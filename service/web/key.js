/**
 * The API key of this tab: asked for when the server wants one, sent along with every request, and
 * gone with the tab. It stands in no address and in no file.
 */

import { element } from "./elements.js";
import { say } from "./words.js";

const KEPT = "meari.key";
const WANTED = 401;

/** The dialog that is open, as a promise of whether a key was given. */
let asking = null;
/** True once the reader gave no key; asked again when a question is sent by hand. */
let declined = false;

document.addEventListener("submit", () => (declined = false), true);

/** True if the reader gave a key: what browsers fetch by themselves goes without it. */
export function hasKey() {
  return sessionStorage.getItem(KEPT) !== null;
}

/** `fetch` with the key; asks for one, and again, while the server does not take what there is. */
export async function fetchWithKey(address, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEPT);
    const headers = key === null ? {} : { authorization: `Bearer ${key}` };
    const answer = await fetch(address, { ...options, headers: { ...options.headers, ...headers } });
    if (answer.status !== WANTED || options.signal?.aborted) return answer;
    if (sessionStorage.getItem(KEPT) !== key) continue; // given meanwhile, for another request
    if (declined || !(await askOnce(key !== null))) return answer;
  }
}

/** Asks for a key, with one dialog for all requests that want one. */
function askOnce(refused) {
  asking ??= ask(refused).finally(() => (asking = null));
  return asking;
}

function ask(refused) {
  const input = element("input", {
    type: "password",
    id: "key",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": "key-hint",
  });
  const dialog = element(
    "dialog",
    { class: "dialog", id: "key-dialog", "aria-labelledby": "key-title" },
    element("h2", { id: "key-title" }, say("key_title")),
    refused && element("p", { class: "problem", role: "alert" }, say("key_refused")),
    element("p", { class: "hint", id: "key-hint" }, say("key_hint")),
    element(
      "form",
      { method: "dialog", class: "row" },
      element("label", { class: "hidden", for: "key" }, say("key_label")),
      element("span", { class: "entry" }, input),
      element("button", { class: "button primary", value: "yes" }, say("key_go")),
      element("button", { class: "button", value: "", formnovalidate: true }, say("key_not_now")),
    ),
  );
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      const given = dialog.returnValue === "yes" ? input.value.trim() : "";
      if (given) sessionStorage.setItem(KEPT, given);
      declined = !given;
      resolve(!declined);
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
