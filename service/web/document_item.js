/** A document in short: what rooms beside the search show of one. */

import { element, icon } from "./elements.js";
import { toAddress } from "./router.js";
import { say } from "./words.js";

/**
 * Title, beginning of the text, and the way to its like.
 *
 * @param {object} frame
 * @param {{id: string, title?: string, text?: string}} document
 * @param {{collection: string, aside?: Node[], below?: Node[]}} context `aside` stands beside the
 *   title, `below` under the text
 * @returns {HTMLElement}
 */
export function documentItem(frame, { id, title, text }, { collection, aside = [], below = [] }) {
  return element(
    "article",
    { class: "document", data: { id } },
    element(
      "header",
      {},
      element("h4", { class: title ? null : "untitled", dir: "auto" }, title || id),
      aside,
    ),
    text && element("p", { class: "document-text", dir: "auto" }, text),
    below,
    element(
      "footer",
      {},
      element("code", { class: "id", title: id }, id),
      likeLink(frame, collection, [id]),
    ),
  );
}

/** A link to the search for documents like these. */
export function likeLink(frame, collection, ids, text = say("like")) {
  const place = { room: "search", collection };
  const address = [toAddress(place), ...ids.map((id) => `like=${encodeURIComponent(id)}`)].join("&");
  const go = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    frame.goTo(address);
  };
  return element("a", { class: "link", href: address, on: { click: go } }, icon("echo"), text);
}

/** A link to another room, about the same collection. */
export function roomLink(frame, place, text) {
  const go = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    frame.go(place);
  };
  return element("a", { class: "link", href: toAddress(place), on: { click: go } }, icon(`room-${place.room}`), text);
}
