/** What the colours of the map mean. */

import { element } from "../elements.js";
import { number, say } from "../words.js";
import { groupColour, NONE, stepColour, toCss } from "./colours.js";

const SHOWN = 12;

function dot(colour) {
  const made = element("span", { class: "dot", "aria-hidden": "true" });
  made.style.setProperty("background", toCss(colour));
  return made;
}

/**
 * Groups with their colours, the largest first; each is a button that shows it alone.
 *
 * @param {{number: number, name: string, size: number}[]} groups
 * @param {Uint32Array} palette
 * @param {{chosen: number | null, whole: boolean, onChoose: (group: number | null) => void,
 *   onWhole: () => void}} how
 */
export function groupLegend(groups, palette, { chosen, whole, onChoose, onWhole }) {
  const shown = whole ? groups : groups.slice(0, SHOWN);
  const rest = groups.length - shown.length;
  return element(
    "div",
    { class: "legend" },
    element(
      "ul",
      {},
      shown.map(({ number: group, name, size }) =>
        element(
          "li",
          {},
          element(
            "button",
            {
              type: "button",
              class: "legend-entry",
              "aria-pressed": String(chosen === group),
              data: { focus: `group ${group}` },
              on: { click: () => onChoose(chosen === group ? null : group) },
            },
            dot(palette[group < 0 ? NONE : groupColour(group)]),
            element("span", { class: "legend-name", dir: "auto" }, name),
            element("span", { class: "number soft" }, number(size)),
          ),
        ),
      ),
    ),
    rest > 0 &&
      element(
        "button",
        { type: "button", class: "link", data: { focus: "legend rest" }, on: { click: onWhole } },
        say("filter_show", { n: rest }),
      ),
  );
}

/** A scale of steps from the least to the most; ends as the reader writes them. */
export function stepLegend([low, high], palette, label) {
  const steps = Array.from({ length: 12 }, (_, at) => {
    const made = element("span", { class: "step-colour" });
    made.style.setProperty("background", toCss(palette[stepColour(at / 11)]));
    return made;
  });
  return element(
    "div",
    { class: "legend scale" },
    element("p", { class: "hint" }, label),
    element("div", { class: "scale-steps", "aria-hidden": "true" }, steps),
    element(
      "p",
      { class: "scale-ends number hint" },
      element("span", {}, low),
      element("span", {}, high),
    ),
  );
}
