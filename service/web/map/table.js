/** What the picture shows, as a table: for those who do not see it, or want to read on. */

import { element, refill } from "../elements.js";
import { fixed, say } from "../words.js";

const PAGE = 50;

export class MapTable {
  #chart;
  #points = [];
  #shown = PAGE;
  #asked = 0;

  constructor(chart) {
    this.#chart = chart;
    this.node = element("div", { class: "map-table" });
  }

  /** Lists what the camera sees, what is in the middle first. */
  async show(camera) {
    const { points, colouring } = this.#chart;
    const seen = colouring.selected ?? points.inBox(camera.box);
    const far = (i) => (points.x[i] - camera.x) ** 2 + (points.y[i] - camera.y) ** 2;
    this.#points = seen.map((i) => [far(i), i]).sort(([a], [b]) => a - b).map(([, i]) => i);
    this.#shown = PAGE;
    await this.#render();
  }

  async #render() {
    this.#asked += 1;
    const asked = this.#asked;
    const shown = this.#points.slice(0, this.#shown);
    const documents = shown.length ? await this.#chart.details.documents(shown).catch(() => []) : [];
    if (asked !== this.#asked) return;
    const rows = shown.map((point, at) => [point, documents[at]]).filter(([, found]) => found);
    const more = () => {
      this.#shown += PAGE;
      this.#render();
    };
    refill(
      this.node,
      element("p", { class: "hint" }, say("map_in_sight", { n: this.#points.length })),
      element("div", { class: "wide-table" }, this.#table(rows)),
      this.#points.length > this.#shown &&
        element("button", { type: "button", class: "button more", on: { click: more } }, say("more_show")),
    );
  }

  #table(rows) {
    const heads = ["column_document", "map_by_cluster", "map_by_score"];
    return element(
      "table",
      { class: "table" },
      element("caption", { class: "hidden" }, say("map_tab_table")),
      element(
        "thead",
        {},
        element("tr", {}, heads.map((key) => element("th", { scope: "col" }, say(key)))),
      ),
      element("tbody", {}, rows.map(([point, document]) => this.#row(point, document))),
    );
  }

  #row(point, { id, title, text }) {
    const { points, names } = this.#chart;
    const cluster = points.clusters[point];
    const score = points.scores[point];
    return element(
      "tr",
      { data: { id } },
      element(
        "th",
        { scope: "row", dir: "auto" },
        title || id,
        element("p", { class: "document-text" }, text),
      ),
      element("td", {}, cluster < 0 ? "" : (names.get(cluster) ?? String(cluster))),
      element("td", { class: "number" }, Number.isNaN(score) ? "" : fixed(score, 2)),
    );
  }
}
