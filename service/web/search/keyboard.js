/** Walking the page by keyboard: `/` to the query, arrows through the cards, Enter, Escape. */

import { byId } from "../elements.js";

const TYPING = "input, textarea, select, [contenteditable]";

/** Wires the keys; cards are the children of `#cards`. */
export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (byId("search").hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const done =
      target.id === "query" ? fromQuery(event) : target.matches(TYPING) ? false : elsewhere(event);
    if (done) event.preventDefault();
  });
}

function fromQuery({ key, target }) {
  if (key === "ArrowDown") return step(null, 1);
  if (key !== "Escape") return false;
  if (target.value) byId("clear").click();
  else target.blur();
  return true;
}

function elsewhere({ key, target }) {
  const card = target.closest(".card");
  if (key === "/" || (key === "Escape" && card)) return focusQuery();
  if (key === "ArrowDown" || key === "j") return step(card, 1);
  if (key === "ArrowUp" || key === "k") return card ? step(card, -1) : false;
  if (key === "Enter" && target === card) return pressExpand(card);
  return false;
}

function focusQuery() {
  byId("query").focus();
  byId("query").select();
  return true;
}

/** To the next card, or from the first one back up to the query. */
function step(card, by) {
  const cards = [...byId("cards").children];
  const at = card ? cards.indexOf(card) + by : 0;
  if (at < 0) return focusQuery();
  if (at >= cards.length) return focusMore();
  cards[at].focus({ preventScroll: true });
  cards[at].scrollIntoView({ block: "nearest" });
  return true;
}

function focusMore() {
  if (byId("more").hidden) return false;
  byId("more").focus();
  return true;
}

function pressExpand(card) {
  card.querySelector(".expand")?.click();
  return true;
}
