/** The topics: documents in groups, named by their words, near and from further off. */

import * as api from "../api.js";
import { Options } from "../analysis/options.js";
import { AnalysisRoom } from "../analysis/room.js";
import { documentItem, roomLink } from "../document_item.js";
import { byId, element, icon } from "../elements.js";
import { errorNotice } from "../notices.js";
import { fixed, say } from "../words.js";
import { events } from "./events.js";
import { firstLevel, groupsAt, levelsOf, wayTo } from "./levels.js";
import { topicItem } from "./topic.js";

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
  /** The group whose inside is shown, null: everything. */
  #within = null;
  /** Documents of the topic that is open: `{id, documents, cursor, error}`. */
  #members = null;

  constructor(frame) {
    super(frame, "clusters", { options: new Options(options) });
  }

  forget() {
    this.#members = null;
    this.#within = null;
    this.#level = 0;
  }

  taken() {
    this.#level = firstLevel(this.result);
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
    if (!cursor) this.#turnToMembers();
    try {
      const parameters = { limit: PAGE, ...(cursor && { cursor }) };
      const path = `clusters/${id}/documents`;
      const page = await api.analysis(this.collection, path, parameters);
      opened.documents = [...before, ...page.documents];
      opened.cursor = page.cursor;
    } catch (error) {
      opened.error = error;
    }
    if (this.#members !== opened) return;
    this.render();
    if (!cursor) this.#turnToMembers();
  }

  /** Where the documents stand above the topics and not beside them, they are what is looked at. */
  #turnToMembers() {
    const panel = byId("room").querySelector(".members");
    const beside = panel.getBoundingClientRect().left > innerWidth / 3;
    if (!beside) panel.scrollIntoView({ block: "start" });
  }

  #go(cluster) {
    const place = { room: "clusters", collection: this.collection, wanted: { cluster } };
    this.frame.go(place);
  }

  content(result) {
    const levels = levelsOf(result);
    const level = Math.min(this.#level, levels.length - 1);
    const groups = this.#within?.inside ?? groupsAt(result, level);
    const largest = Math.max(...groups.map(({ size }) => size), 1);
    return [
      element(
        "div",
        { class: "bar-of-result" },
        this.#within ? this.#way(result) : this.#summary(result, groups),
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
      events(result),
      this.#tools(result),
    ];
  }

  #summary({ outliers }, groups) {
    const told = say("topics_found", { n: groups.length });
    const others = outliers > 0 && say("topics_outliers", { n: outliers });
    return element("p", { class: "status" }, [told, others].filter(Boolean).join(" · "));
  }

  /** Where one is: from everything down to the group whose inside is shown. */
  #way(result) {
    const way = wayTo(result, this.#within.level, this.#within.id);
    const go = (group) => () => this.#closer(group);
    const step = (group, label) =>
      element(
        "li",
        {},
        element(
          "button",
          { type: "button", class: "link", data: { focus: `way ${label}` }, on: { click: go(group) } },
          label,
        ),
      );
    return element(
      "ol",
      { class: "way", "aria-label": say("topics_way") },
      step(null, say("topics_all")),
      way.slice(0, -1).map((group) => step(group, group.label)),
      element("li", { "aria-current": "true" }, way.at(-1).label),
    );
  }

  #zoom(levels, level) {
    const choose = (to) => () => {
      this.#within = null;
      this.#level = to;
      this.render();
    };
    const buttons = levels.map(({ count }, at) =>
      element(
        "button",
        {
          type: "button",
          "aria-pressed": String(at === level && !this.#within),
          data: { focus: `level ${at}` },
          on: { click: choose(at) },
        },
        say("topics_level", { n: count }),
      ),
    );
    return element(
      "div",
      { class: "choice" },
      element("span", { id: "zoom-name" }, say("topics_zoom")),
      element(
        "div",
        { class: "switch", role: "group", "aria-labelledby": "zoom-name" },
        buttons.reverse(),
      ),
    );
  }

  #topic(group, largest, level) {
    const open = this.#members?.id === group.id && level === 0;
    const onPress = () =>
      level === 0 ? this.#go(open ? undefined : group.id) : this.#closer({ ...group, level });
    return topicItem(group, { largest, level, open, onPress });
  }

  /** Shows what is in a group of a further level; null: everything, from furthest off. */
  #closer(group) {
    this.#within = group;
    this.#level = group ? group.level - 1 : levelsOf(this.result).length - 1;
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
    const file = (format) =>
      element(
        "button",
        {
          type: "button",
          class: "button",
          data: { focus: `export ${format}` },
          on: { click: () => this.#export(format) },
        },
        say(`export_${format}`),
      );
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
      file("csv"),
      file("jsonl"),
    );
  }

  /** Saves the file through a request of ours: a link would send no key. */
  async #export(format) {
    try {
      const { content, name } = await api.analysisFile(this.collection, "clusters/export", { format });
      const href = URL.createObjectURL(content);
      element("a", { href, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(href), 60_000);
    } catch (error) {
      this.asking.error = error;
      this.render();
    }
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
