/** A topic: its name, how large it is, its words, and what is in it. */

import { element } from "../elements.js";
import { say } from "../words.js";

/**
 * @param {object} group as `groupsAt` gives it
 * @param {{largest: number, level: number, open: boolean, onPress: () => void}} how `largest`: size
 *   of the largest beside it; `open`: its documents are shown
 */
export function topicItem(group, { largest, level, open, onPress }) {
  const { id, label, terms, size, examples, inside } = group;
  const bar = element("span", { class: "fill" });
  bar.style.setProperty("--share", (size / largest).toFixed(4));
  const held = [...examples.map(({ title, id: name }) => title || name), ...inside.map((e) => e.label)];
  return element(
    "li",
    { class: open ? "topic chosen" : "topic", data: { cluster: id } },
    element(
      "button",
      {
        type: "button",
        class: "topic-name",
        "aria-expanded": level === 0 ? String(open) : null,
        data: { focus: `topic ${level} ${id}` },
        on: { click: onPress },
      },
      element("span", { class: "label", dir: "auto" }, label),
      element("span", { class: "number soft" }, say("documents", { n: size })),
    ),
    element("span", { class: "track", "aria-hidden": "true" }, bar),
    element("p", { class: "terms hint", dir: "auto" }, otherTerms(label, terms)),
    held.length > 0 &&
      element(
        "ul",
        { class: "examples" },
        held.map((name) => element("li", { dir: "auto" }, name)),
      ),
  );
}

/** The words of a topic that its name does not hold. */
function otherTerms(label, terms) {
  const named = new Set(label.split(" · "));
  return terms.filter((term) => !named.has(term)).join(" · ");
}
