/** What changed: two sets of documents held against each other. */

import { AnalysisRoom } from "../analysis/room.js";
import { documentItem } from "../document_item.js";
import { element } from "../elements.js";
import { fact } from "../room_head.js";
import { fixed, number, percent, say, sayOr } from "../words.js";
import { Sides } from "./sides.js";

/** Topics shown where none changed for sure. */
const SHOWN_UNSURE = 8;

export class DriftRoom extends AnalysisRoom {
  constructor(frame) {
    super(frame, "drift", { options: new Sides(() => ({ frame, room: "drift" })) });
  }

  forget() {
    this.options.forget(this.collection);
  }

  content(result) {
    return [
      element("p", { class: `verdict-line ${result.changed ? "changed" : ""}` }, verdict(result)),
      element(
        "div",
        { class: "tiles" },
        this.#measures(result),
        result.clusters.length > 0 && shifts(result.clusters),
      ),
      result.questions && unanswered(result.questions),
      result.new.length > 0 && this.#strangers(result),
    ];
  }

  #measures(result) {
    const { p_value: p, statistic, usual, auc, new_share: share } = result;
    return element(
      "article",
      { class: "tile" },
      element("h4", {}, say("drift_measures")),
      element(
        "dl",
        { class: "bill" },
        fact(say("drift_p"), pValue(p), say("drift_p_title")),
        fact(say("drift_statistic"), number(statistic, 5), say("drift_statistic_title")),
        fact(say("drift_usual"), number(usual, 5)),
        fact(say("drift_auc"), fixed(auc, 3), say("drift_auc_title")),
        fact(say("drift_new_share"), percent(share), say("drift_new_share_title")),
      ),
    );
  }

  #strangers({ new: strangers }) {
    const { collection } = this;
    return element(
      "section",
      { class: "strangers" },
      element("h3", { class: "section-name" }, say("drift_new")),
      element(
        "div",
        { class: "topics" },
        strangers.map((each) =>
          documentItem(this.frame, each, {
            collection,
            aside: [
              element(
                "span",
                { class: "number soft", title: say("similarity_title") },
                fixed(each.score, 2),
              ),
            ],
            below: [element("p", { class: "hint" }, say("drift_nearest", { id: each.nearest }))],
          }),
        ),
      ),
    );
  }
}

/** Questions that no document answers well, the worst first. */
function unanswered({ asked, least, share, poor }) {
  const told =
    least === null
      ? say("questions_worst", { n: asked })
      : say("questions_poor", { n: asked, share: percent(share), least: fixed(least, 2) });
  return element(
    "section",
    { class: "unanswered" },
    element("h3", { class: "section-name" }, say("questions_title")),
    element("p", { class: "hint" }, told),
    element(
      "div",
      { class: "wide-table" },
      table(
        ["questions_question", "similarity", "questions_nearest"],
        poor.map(({ question, score, nearest, title, text }) => [
          element("th", { scope: "row", dir: "auto" }, question),
          element("td", { class: "number" }, fixed(score, 3)),
          element("td", { dir: "auto", title: nearest }, title || text),
        ]),
      ),
    ),
  );
}

function verdict({ changed, p_value: p }) {
  return say(changed ? "drift_changed" : "drift_same", { p: pValue(p) });
}

function pValue(p) {
  return p < 0.001 ? `< ${number(0.001, 3)}` : number(p, 3);
}

/** How the shares of topics changed, the surest first. */
function shifts(all) {
  const sure = all.filter(({ change }) => change !== "same");
  const clusters = sure.length ? sure : all.slice(0, SHOWN_UNSURE);
  const rest = all.length - clusters.length;
  const most = Math.max(...clusters.flatMap((each) => [each.share_before, each.share_after]));
  return element(
    "article",
    { class: "tile shifts" },
    element("h4", {}, say("drift_topics")),
    table(
      ["map_by_cluster", "drift_before", "drift_after", "column_state"],
      clusters.map(({ label, share_before: before, share_after: after, change }) => [
        element("th", { scope: "row", dir: "auto" }, label),
        element("td", { class: "number" }, meter(before, most)),
        element("td", { class: "number" }, meter(after, most)),
        element("td", {}, sayOr(`change_${change}`, change)),
      ]),
    ),
    rest > 0 && element("p", { class: "hint" }, say("drift_unsure", { n: rest })),
  );
}

function table(heads, rows) {
  const named = heads.map((key) => element("th", { scope: "col" }, say(key)));
  return element(
    "table",
    { class: "table small" },
    element("thead", {}, element("tr", {}, named)),
    element("tbody", {}, rows.map((cells) => element("tr", {}, cells))),
  );
}

function meter(share, most) {
  const bar = element("span", { class: "fill" });
  bar.style.setProperty("--share", (most > 0 ? share / most : 0).toFixed(4));
  return [element("span", { class: "track", "aria-hidden": "true" }, bar), percent(share)];
}
