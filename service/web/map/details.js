/** What is told of points: beside the pointer, and of what was chosen. */

import * as api from "../api.js";
import { copy } from "../clipboard.js";
import { documentItem, likeLink } from "../document_item.js";
import { element, icon, refill } from "../elements.js";
import { fixed, say } from "../words.js";

const HOVER_MS = 60;
const SHOWN = 30;
/** Documents whose like can be asked for at once. */
const MOST_LIKED = 20;

export class Details {
  #frame;
  #chart;
  /** Documents by position. */
  #known = new Map();
  #timer = 0;
  #hovered = -1;
  #shown = { points: [], title: () => "" };
  #abort = new AbortController();

  constructor(frame, chart) {
    this.#frame = frame;
    this.#chart = chart;
    this.tip = element("div", { class: "map-tip", hidden: true });
    this.node = element("div", { class: "map-details", "aria-live": "polite" });
  }

  /** The document of a point, from the server or from before; undefined: deleted since. */
  async documents(points) {
    const { positions } = this.#chart.points;
    const wanted = points.map((i) => positions[i]);
    const missing = wanted.filter((position) => !this.#known.has(position));
    if (missing.length) {
      for (const document of await api.mapDocuments(this.#chart.collection, missing))
        this.#known.set(document.position, document);
    }
    return wanted.map((position) => this.#known.get(position));
  }

  /** Tells beside the pointer what is there. */
  hover(point, x, y) {
    if (point === this.#hovered) return;
    this.#hovered = point;
    clearTimeout(this.#timer);
    this.tip.hidden = true;
    if (point < 0) return;
    this.#timer = setTimeout(() => this.#tell(point, x, y), HOVER_MS);
  }

  async #tell(point, x, y) {
    const [document] = await this.documents([point]).catch(() => []);
    if (!document || point !== this.#hovered) return;
    refill(
      this.tip,
      element("strong", { dir: "auto" }, document.title || document.id),
      element("p", { dir: "auto" }, document.text),
      element("p", { class: "hint" }, this.#about(point)),
    );
    const { clientWidth: width, clientHeight: height } = this.#chart.picture.node;
    this.tip.hidden = false;
    const left = Math.min(x + 14, width - this.tip.offsetWidth - 8);
    const top = y + 18 + this.tip.offsetHeight > height ? y - this.tip.offsetHeight - 12 : y + 18;
    this.tip.style.setProperty("--x", `${Math.max(8, left)}px`);
    this.tip.style.setProperty("--y", `${Math.max(8, top)}px`);
  }

  /** Topic and score of a point in a line. */
  #about(point) {
    const { points, colouring } = this.#chart;
    const cluster = points.clusters[point];
    const score = points.scores[point];
    return [
      colouring.kind === "groups" && this.#chart.groupName(colouring.groupOf(point)),
      colouring.by !== "cluster" && cluster >= 0 && this.#chart.names.get(cluster),
      !Number.isNaN(score) && `${say("map_by_score")} ${fixed(score, 2)}`,
    ]
      .filter(Boolean)
      .join(" · ");
  }

  showPoint(point) {
    this.#show([point], () => "");
  }

  showPoints(points) {
    this.#show(points, () => say("map_selected", { n: points.length }));
  }

  showGroup(group, points) {
    this.#show(points, () => `${this.#chart.groupName(group)} · ${say("documents", { n: points.length })}`);
  }

  clear() {
    this.#show([], () => "");
  }

  #show(points, title) {
    this.#shown = { points, title };
    this.render();
  }

  async render() {
    const shown = this.#shown;
    this.#abort.abort();
    this.#abort = new AbortController();
    if (!shown.points.length) {
      refill(this.node, element("p", { class: "hint" }, say("map_hint")));
      return;
    }
    const first = shown.points.slice(0, SHOWN);
    const documents = (await this.documents(first).catch(() => [])).filter(Boolean);
    if (shown !== this.#shown) return;
    const { collection } = this.#chart;
    refill(
      this.node,
      shown.title() && element("h3", {}, shown.title()),
      shown.points.length > 1 && this.#actions(documents),
      documents.map((document, at) =>
        documentItem(this.#frame, document, {
          collection,
          below: [element("p", { class: "hint" }, this.#about(first[at]))],
        }),
      ),
      shown.points.length > SHOWN && element("p", { class: "hint" }, say("map_first", { n: SHOWN })),
    );
  }

  #actions(documents) {
    const ids = documents.map(({ id }) => id);
    const onCopy = (event) => copy(ids.join("\n"), event.currentTarget);
    return element(
      "div",
      { class: "row" },
      likeLink(this.#frame, this.#chart.collection, ids.slice(0, MOST_LIKED), say("map_like_these")),
      element(
        "button",
        { type: "button", class: "link", on: { click: onCopy } },
        icon("copy"),
        say("map_copy_ids"),
      ),
    );
  }
}
