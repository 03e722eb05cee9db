/** How surely a match answers: a quiet meter, and the same in words. */

import { element } from "../elements.js";
import { percent, say } from "../words.js";

/** From which confidence on which word; below all of them it is `unlikely`. */
const STEPS = [
  [0.9, "sure"],
  [0.6, "likely"],
  [0.3, "perhaps"],
];
const LEVELS = ["unlikely", "perhaps", "likely", "sure"];

/** The word for a confidence from 0 to 1. */
export function levelOf(confidence) {
  return STEPS.find(([least]) => confidence >= least)?.[1] ?? "unlikely";
}

/** The meter, or null where the collection has no calibration. */
export function confidenceMeter(confidence) {
  if (confidence === null || confidence === undefined) return null;
  const level = levelOf(confidence);
  const title = say("confidence_title", { share: percent(Math.min(confidence, 0.99)) });
  const filled = LEVELS.indexOf(level);
  return element(
    "div",
    { class: `confidence ${level}`, title },
    element(
      "span",
      { class: "steps", "aria-hidden": "true" },
      LEVELS.map((_, at) => element("span", { class: at <= filled ? "step on" : "step" })),
    ),
    element("span", { class: "hidden" }, title),
    element("span", { "aria-hidden": "true" }, say(`confidence_${level}`)),
  );
}
