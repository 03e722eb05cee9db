/** What became of topics since the result before. */

import { element } from "../elements.js";
import { say } from "../words.js";

/** The list, which unfolds; null where nothing is told. */
export function events({ events: told, clusters }) {
  if (!told.length) return null;
  const names = new Map(clusters.map(({ id, label }) => [id, label]));
  const name = (id) => names.get(id) ?? say("topics_gone", { n: id });
  return element(
    "details",
    { class: "panel events" },
    element(
      "summary",
      {},
      element("span", {}, say("topics_events")),
      element("span", { class: "hint number" }, told.length),
    ),
    element(
      "ul",
      { class: "panel-body" },
      told.map(({ kind, before, after, documents }) =>
        element(
          "li",
          {},
          element("strong", {}, say(`event_${kind}`)),
          " ",
          [before, after].map((ids) => ids.map(name).join(", ")).filter(Boolean).join(" → "),
          " ",
          element("span", { class: "hint" }, say("documents", { n: documents })),
        ),
      ),
    ),
  );
}
