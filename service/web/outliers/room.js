/** The outliers: documents that are unlike the others, each with its nearest as the reason. */

import * as api from "../api.js";
import { Options } from "../analysis/options.js";
import { AnalysisRoom } from "../analysis/room.js";
import { Pages } from "../analysis/pages.js";
import { documentItem } from "../document_item.js";
import { element } from "../elements.js";
import { errorNotice } from "../notices.js";
import { fixed, say, sayOr } from "../words.js";
import { Trial } from "./trial.js";

/** From which score on a detector by itself finds a document outside the bulk. */
const LINE = 0.5;

function options() {
  return [
    {
      name: "contamination",
      label: say("option_contamination"),
      kind: "number",
      least: 0.001,
      most: 0.499,
      step: "any",
      auto: say("auto"),
      hint: say("option_contamination_hint"),
    },
  ];
}

export class OutliersRoom extends AnalysisRoom {
  #pages = new Pages(this, "outliers");
  /** Documents that stand as reasons, by id. */
  #near = new Map();
  #all = false;
  #trial = new Trial(this);

  constructor(frame) {
    super(frame, "outliers", { options: new Options(options) });
  }

  forget() {
    this.#pages.forget();
    this.#near = new Map();
    this.#all = false;
    this.#trial.forget();
  }

  taken() {
    this.#all = this.result.count === 0;
    this.#pages.begin(this.result);
    this.explain(this.result.outliers);
  }

  /** Reads the documents that stand as reasons of verdicts. */
  async explain(outliers) {
    const wanted = outliers.flatMap(({ neighbours }) => neighbours.map(({ id }) => id));
    const missing = [...new Set(wanted)].filter((id) => !this.#near.has(id));
    if (!missing.length) return;
    try {
      const found = await api.documentsById(this.collection, missing);
      for (const [id, document] of found) this.#near.set(id, document);
      this.render();
    } catch {
      // Reasons are named by id alone; what fails is said where the room itself asks.
    }
  }

  /** What a neighbour is called: one without a title by what it says. */
  nameOf(id) {
    const { title, text } = this.#near.get(id) ?? {};
    return title || text || id;
  }

  content(result) {
    const { items, error } = this.#pages;
    const odd = items.filter((each) => each.is_outlier);
    const shown = this.#all ? items : odd;
    return [
      element("p", { class: "status" }, this.#summary(result)),
      this.#trial.content(),
      error && errorNotice(error, () => this.#pages.more()),
      shown.length > 0 && element("ol", { class: "odd-ones" }, shown.map((each) => this.#item(each))),
      this.#more(odd.length < items.length),
    ];
  }

  #summary({ count, threshold, documents }) {
    if (!count) return say("outliers_none", { total: documents });
    return say("outliers_found", { n: count, total: documents, threshold: fixed(threshold, 2) });
  }

  #more(hasOthers) {
    const next = async () => {
      if (!this.#all && hasOthers) this.#all = true;
      else this.explain(await this.#pages.more());
      this.render();
    };
    if (!this.#pages.cursor && (this.#all || !hasOthers)) return null;
    return element(
      "button",
      { type: "button", class: "button more", data: { focus: "more" }, on: { click: next } },
      say(hasOthers && !this.#all ? "outliers_others" : "more_show"),
    );
  }

  #item(outlier) {
    return element(
      "li",
      { class: outlier.is_outlier ? "odd" : null, data: { id: outlier.id } },
      documentItem(this.frame, outlier, {
        collection: this.collection,
        aside: [scoreMeter(outlier)],
        below: [reasonOf(outlier, this)],
      }),
    );
  }
}

/** How far a score from 0 to 1 goes. */
export function scoreMeter({ score, detectors = {} }) {
  const fill = element("span", { class: "fill" });
  fill.style.setProperty("--share", score.toFixed(4));
  const told = Object.entries(detectors).map(
    ([name, each]) => `${sayOr(`detector_${name}`, name)} ${fixed(each, 2)}`,
  );
  return element(
    "span",
    { class: "odd-score", title: told.join(" · ") },
    element("span", { class: "hidden" }, say("map_by_score")),
    element("span", { class: "track", "aria-hidden": "true" }, fill),
    element("span", { class: "number" }, fixed(score, 2)),
  );
}

/** Why: what is nearest, and how near that is. */
export function reasonOf({ detectors, neighbours }, room) {
  const spoke = Object.entries(detectors)
    .filter(([, score]) => score >= LINE)
    .sort(([, a], [, b]) => b - a);
  const why = spoke.map(([name]) => sayOr(`why_${name}`, name)).join(" · ");
  return element(
    "div",
    { class: "reason" },
    why && element("p", { class: "hint why" }, why),
    element("p", { class: "hint" }, say("outliers_nearest")),
    element(
      "ul",
      { class: "nearest" },
      neighbours.map(({ id, score }) =>
        element(
          "li",
          { title: id },
          element("span", { class: "number soft" }, fixed(score, 2)),
          element("span", { dir: "auto" }, room.nameOf(id)),
        ),
      ),
    ),
  );
}
