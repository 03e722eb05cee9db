/** What stands at the top of every room but the search: its name, what it is for, which collection. */

import { element } from "./elements.js";
import { say } from "./words.js";

/**
 * @param {object} frame
 * @param {string} room
 * @param {{chooser?: boolean, tools?: Node[]}} [parts] `chooser` false: the room is about all
 *   collections
 */
export function roomHead(frame, room, { chooser = true, tools = [] } = {}) {
  return element(
    "header",
    { class: "room-head" },
    element(
      "div",
      {},
      element("h2", {}, say(`room_${room}`)),
      element("p", { class: "lead" }, say(`lead_${room}`)),
    ),
    element("div", { class: "row" }, chooser && collectionChooser(frame, room), tools),
  );
}

function collectionChooser(frame, room) {
  const select = element(
    "select",
    {
      data: { focus: "collection" },
      on: { change: ({ target }) => frame.go({ room, collection: target.value }) },
    },
    (frame.collections ?? []).map(({ name }) => element("option", { value: name }, name)),
  );
  select.value = frame.collection?.name ?? "";
  return element("label", { class: "choice" }, say("collection"), select);
}

/** A labelled figure of a card; null where there is no value. */
export function fact(label, value, title) {
  if (value === null || value === undefined || value === "") return null;
  return element("div", { title }, element("dt", {}, label), element("dd", {}, value));
}
