/** The conditions in force, above the answer. */

import { display } from "./cards.js";
import { element, icon } from "../elements.js";
import { readFilter, setRange, toggleValue, withoutOthers } from "./filter.js";
import { say } from "../words.js";

/** The conditions in force as removable chips. */
export function activeChips(filter, onChange) {
  const { values, ranges, others } = readFilter(filter);
  const chips = [];
  for (const [key, chosen] of values) {
    for (const value of chosen) {
      chips.push(
        removable(`${key}: ${display(value)}`, () => onChange(toggleValue(filter, key, value))),
      );
    }
  }
  for (const [key, bounds] of ranges) {
    chips.push(
      removable(`${key} ${boundsText(bounds)}`, () => onChange(setRange(filter, key, null))),
    );
  }
  if (others) {
    chips.push(
      removable(say("filter_by_hand", { n: others }), () => onChange(withoutOthers(filter))),
    );
  }
  if (chips.length > 1) {
    const clear = { type: "button", class: "link", on: { click: () => onChange(null) } };
    chips.push(element("button", clear, say("filter_clear")));
  }
  return chips;
}

function removable(text, onClick) {
  return element(
    "button",
    {
      type: "button",
      class: "chip",
      "aria-pressed": "true",
      "aria-label": say("filter_remove", { text }),
      on: { click: onClick },
    },
    text,
    icon("close"),
  );
}

function boundsText(bounds) {
  const signs = { gt: ">", gte: "≥", lt: "<", lte: "≤" };
  const day = (bound) => (typeof bound === "string" ? bound.slice(0, 10) : String(bound));
  return Object.entries(bounds)
    .map(([end, bound]) => `${signs[end]} ${day(bound)}`)
    .join(", ");
}
