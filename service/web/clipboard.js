/** Copying text, with a way out where the browser forbids it (pages not on https or localhost). */

import { byId, element, icon, refill } from "./elements.js";
import { say } from "./words.js";

const THANKS_MS = 1600;

/** Copies `text` and says so on `button` for a moment; else shows it to be copied by hand. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    byId("by-hand-text").value = text;
    byId("by-hand").showModal();
    byId("by-hand-text").select();
    return;
  }
  const before = [...button.childNodes];
  const short = button.classList.contains("round");
  refill(
    button,
    icon("check"),
    element("span", { class: short ? "hidden" : null, role: "status" }, say("copied")),
  );
  setTimeout(() => button.replaceChildren(...before), THANKS_MS);
}
