/** The topics: documents in groups, named by their words, near and from further off. */

import * as api from "../api.js";
import { Options } from "../analysis/options.js";
import { AnalysisRoom } from "../analysis/room.js";
import { documentItem, roomLink } from "../document_item.js";
import { element, icon } from "../elements.js";
import { errorNotice } from "../notices.js";
import { fixed, say } from "../words.js";
import { groupsAt, levelsOf } from "./levels.js";

const METHODS = ["kmeans", "hdbscan", "agglomerative"];
const PAGE = 20;

function options() {
  return [
    {
      name: "method",
      label: say("option_method"),
      kind: "choice",
      choices: METHODS.map((method) => [method, say(`method_${method}`)]),
    },
    {
      name: "k",
      label: say("option_k"),
      kind: "number",
      least: 2,
      most: 4096,
      auto: say("auto"),
      hint: say("option_k_hint"),
    },
  ];
}

export class ClustersRoom extends AnalysisRoom {
  #level = 0;
  /** Documents of the topic that is open: `{id, documents, cursor, error}`. */
  #members = null;

  constructor(frame) {
    super(frame, "clusters", { options: new Options(options) });
  }

  forget() {
    this.#members = null;
    this.#level = 0;
  }

  taken() {
    const { cluster } = this.frame.place.wanted;
    if (cluster !== undefined) this.#open(Number(cluster));
  }

  arrived() {
    const { cluster } = this.frame.place.wanted;
    if (cluster !== undefined && this.result) this.#open(Number(cluster));
    else {
      this.#members = null;
      this.render();
    }
  }

  async #open(id, cursor = null) {
    const before = cursor ? this.#members.documents : [];
    const opened = { id, documents: before, cursor: null, error: null };
    this.#members = opened;
    this.render();
    try {
      const parameters = { limit: PAGE, ...(cursor && { cursor }) };
      const path = `clusters/${id}/documents`;
      const page = await api.analysis(this.collection, path, parameters);
      opened.documents = [...before, ...page.documents];
      opened.cursor = page.cursor;
    } catch (error) {
      opened.error = error;
    }
    if (this.#members === opened) this.render();
  }

  #go(cluster) {
    const place = { room: "clusters", collection: this.collection, wanted: { cluster } };
    this.frame.go(place);
  }

  content(result) {
    const levels = levelsOf(result);
    const level = Math.min(this.#level, levels.length - 1);
    const groups = groupsAt(result, level);
    const largest = Math.max(...groups.map(({ size }) => size), 1);
    return [
      element(
        "div",
        { class: "bar-of-result" },
        element("p", { class: "status" }, this.#summary(result, groups)),
        levels.length > 1 && this.#zoom(levels, level),
      ),
      element(
        "div",
        { class: this.#members ? "split open" : "split" },
        element(
          "ol",
          { class: "topics" },
          groups.map((group) => this.#topic(group, largest, level)),
        ),
        this.#members && this.#panel(result),
      ),
      this.#tools(result),
    ];
  }

  #summary({ outliers }, groups) {
    const told = say("topics_found", { n: groups.length });
    return outliers ? `${told} · ${say("topics_outliers", { n: outliers })}` : told;
  }

  #zoom(levels, level) {
    const choose = (to) => () => {
      this.#level = to;
      this.render();
    };
    return element(
      "div",
      { class: "switch", role: "group", "aria-label": say("topics_zoom") },
      levels.map(({ count }, at) =>
        element(
          "button",
          {
            type: "button",
            "aria-pressed": String(at === level),
            data: { focus: `level ${at}` },
            on: { click: choose(at) },
          },
          say("topics_level", { n: count }),
        ),
      ),
    );
  }

  #topic(group, largest, level) {
    const { id, label, terms, size, examples, inside } = group;
    const bar = element("span", { class: "fill" });
    bar.style.setProperty("--share", (size / largest).toFixed(4));
    const open = this.#members?.id === id && level === 0;
    const press = () => (level === 0 ? this.#go(open ? undefined : id) : this.#closer(level));
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
          on: { click: press },
        },
        element("span", { class: "label", dir: "auto" }, label),
        element("span", { class: "number soft" }, say("documents", { n: size })),
      ),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
      element("p", { class: "terms hint", dir: "auto" }, terms.join(" · ")),
      examples.length > 0 &&
        element(
          "ul",
          { class: "examples" },
          examples.map(({ title, id: name }) => element("li", { dir: "auto" }, title || name)),
        ),
      inside.length > 0 &&
        element(
          "ul",
          { class: "examples" },
          inside.map((each) => element("li", { dir: "auto" }, each.label)),
        ),
    );
  }

  #closer(level) {
    this.#level = level - 1;
    this.render();
  }

  #panel({ clusters }) {
    const { id, documents, cursor, error } = this.#members;
    const cluster = clusters.find((each) => each.id === id);
    const { collection } = this;
    const onMap = this.frame.offered.includes("map");
    return element(
      "section",
      { class: "members", "aria-label": cluster?.label ?? String(id) },
      element(
        "header",
        {},
        element("h3", { dir: "auto" }, cluster?.label ?? String(id)),
        element(
          "button",
          { type: "button", class: "round", data: { focus: "close" }, on: { click: () => this.#go() } },
          icon("close"),
          element("span", { class: "hidden" }, say("close")),
        ),
      ),
      element("p", { class: "hint" }, say("members_order")),
      onMap &&
        roomLink(this.frame, { room: "map", collection, wanted: { cluster: id } }, say("show_on_map")),
      error && errorNotice(error, () => this.#open(id)),
      documents.map((document) =>
        documentItem(this.frame, document, {
          collection,
          aside: [
            element(
              "span",
              { class: "number soft", title: say("similarity_title") },
              fixed(document.similarity, 2),
            ),
          ],
        }),
      ),
      cursor &&
        element(
          "button",
          {
            type: "button",
            class: "button more",
            data: { focus: "more members" },
            on: { click: () => this.#open(id, cursor) },
          },
          say("more_show"),
        ),
    );
  }

  #tools({ outliers, cursor }) {
    const href = (format) => api.analysisAddress(this.collection, "clusters/export", { format });
    return element(
      "div",
      { class: "row tools" },
      cursor && element("p", { class: "hint" }, say("topics_first")),
      outliers > 0 &&
        element(
          "button",
          { type: "button", class: "button", data: { focus: "reassign" }, on: { click: () => this.#reassign() } },
          say("topics_reassign", { n: outliers }),
        ),
      element("a", { class: "button", href: href("csv"), download: "" }, say("export_csv")),
      element("a", { class: "button", href: href("jsonl"), download: "" }, say("export_jsonl")),
    );
  }

  async #reassign() {
    try {
      await api.askAnalysis(this.collection, "clusters/reassign", {});
    } catch (error) {
      this.asking.error = error;
      this.render();
      return;
    }
    this.enter({ fresh: true });
  }
}
