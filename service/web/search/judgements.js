/** The documents whose like is wanted, and those whose like is not, below the query. */

import { element, icon } from "../elements.js";
import { unjudged } from "./question.js";
import { say } from "../words.js";

/** A pill for each document; a click takes it back. */
export function judgements(question, titles, onChange) {
  const pills = (how) =>
    question[how].map((id) => pill(how, titles.get(id) ?? id, () => onChange(unjudged(question, id))));
  return [...pills("like"), ...pills("unlike")];
}

function pill(how, title, onClick) {
  const text = say(`judged_${how}`, { text: title });
  return element(
    "button",
    {
      type: "button",
      class: `pill ${how}`,
      title: say("judgement_remove", { text: title }),
      data: { focus: text },
      on: { click: onClick },
    },
    icon(how === "like" ? "echo" : "away"),
    element("span", {}, text),
    icon("close"),
  );
}
