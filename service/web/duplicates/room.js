/** The duplicates: documents that say the same, and what to keep of them. */

import * as api from "../api.js";
import { Options } from "../analysis/options.js";
import { Pages } from "../analysis/pages.js";
import { AnalysisRoom } from "../analysis/room.js";
import { element, icon } from "../elements.js";
import { errorNotice } from "../notices.js";
import { fixed, say, sayOr } from "../words.js";
import { confirm } from "../confirming.js";
import { tabList } from "../tabs.js";
import { Group } from "./group.js";
import { Leakage } from "./leakage.js";

const LEAKAGE_PATH = "/v1/collections/{collection}/duplicates/leakage";

/** How much further the line is drawn by a press. */
const LINE_STEP = 0.1;

function options() {
  return [
    {
      name: "exact_only",
      label: say("option_exact_only"),
      kind: "choice",
      choices: [
        ["", say("duplicates_both")],
        [true, say("duplicate_exact")],
      ],
    },
    {
      name: "translations",
      label: say("option_translations"),
      kind: "choice",
      choices: [
        ["", say("translations_with")],
        [false, say("translations_without")],
      ],
    },
    {
      name: "threshold",
      label: say("option_threshold"),
      kind: "number",
      least: 0,
      most: 1,
      step: "any",
      auto: say("auto"),
      hint: say("option_threshold_hint"),
    },
  ];
}

export class DuplicatesRoom extends AnalysisRoom {
  #pages = new Pages(this, "groups", "duplicates");
  /** Groups with what was chosen in them, by representative. */
  #groups = new Map();
  #deleted = 0;
  #leakage = new Leakage(this);
  #tab = "groups";

  constructor(frame) {
    super(frame, "duplicates", { options: new Options(options) });
  }

  get #hasLeakage() {
    return this.frame.paths.has(LEAKAGE_PATH);
  }

  enter(how) {
    if (this.#hasLeakage && this.collection) this.#leakage.enter(this.collection);
    return super.enter(how);
  }

  leave() {
    this.#leakage.leave();
    super.leave();
  }

  /** Within this collection, or between it and another. */
  frameOf(parts) {
    if (!this.#hasLeakage) return parts;
    const within = element("div", {}, parts);
    const between = element("div", { class: "between" }, this.#leakage.content());
    const tabs = [
      { id: "groups", name: say("duplicates_within"), panel: within },
      { id: "leakage", name: say("duplicates_between"), panel: between },
    ];
    const onChoose = (id) => {
      this.#tab = id;
    };
    const label = say("room_duplicates");
    const list = tabList(tabs, { label, chosen: this.#tab, onChoose });
    return [element("div", { class: "tab-bar" }, list), within, between];
  }

  forget() {
    this.#pages.forget();
    this.#groups = new Map();
    this.#deleted = 0;
  }

  taken() {
    this.#pages.begin(this.result);
    this.#take(this.result.groups);
  }

  #take(groups) {
    for (const group of groups) this.#groups.set(group.representative, new Group(group));
  }

  content(result) {
    const { cursor, error } = this.#pages;
    const groups = [...this.#groups.values()];
    const more = async () => {
      this.#take(await this.#pages.more());
      this.render();
    };
    return [
      element(
        "div",
        { class: "bar-of-result" },
        element("p", { class: "status", role: "status" }, this.#summary(result)),
        result.threshold !== null && this.#otherLines(result.threshold),
      ),
      error && errorNotice(error, more),
      this.#list(groups.filter(({ isTranslation }) => !isTranslation)),
      this.#translations(groups.filter(({ isTranslation }) => isTranslation)),
      cursor &&
        element(
          "button",
          { type: "button", class: "button more", data: { focus: "more" }, on: { click: more } },
          say("more_show"),
        ),
    ];
  }

  #list(groups) {
    return element("ol", { class: "groups" }, groups.map((group) => this.#item(group)));
  }

  #translations(groups) {
    return (
      groups.length > 0 && [
        element("h3", { class: "of-groups" }, say("duplicates_translations_heading")),
        element("p", { class: "hint" }, say("duplicates_translations_hint")),
        this.#list(groups),
      ]
    );
  }

  #summary({ count, translations, redundant, threshold }) {
    if (this.#deleted) return say("duplicates_deleted", { n: this.#deleted });
    const from = threshold !== null && say("duplicates_from", { threshold: fixed(threshold, 3) });
    const repeated = count - translations;
    const told = repeated
      ? [say("duplicates_found", { n: repeated }), say("duplicates_redundant", { n: redundant })]
      : [say("duplicates_none")];
    const across = translations > 0 && say("duplicates_translations", { n: translations });
    return [...told, from, across].filter(Boolean).join(" · ");
  }

  /** Drawing the line elsewhere: where nothing is alike enough, or too much is. */
  #otherLines(threshold) {
    const line = (by) => Math.round((threshold + by) * 100) / 100;
    const ask = (value) => () => {
      this.options.set("threshold", value);
      this.ask();
    };
    const button = (word, value) =>
      value > 0 &&
      value < 1 &&
      element(
        "button",
        { type: "button", class: "button", data: { focus: word }, on: { click: ask(value) } },
        say(word, { threshold: fixed(value, 2) }),
      );
    return element(
      "div",
      { class: "row" },
      button("duplicates_looser", line(-LINE_STEP)),
      button("duplicates_stricter", line(LINE_STEP / 3)),
    );
  }

  #item(group) {
    const { kept, others, kind } = group;
    const surplus = others.filter(({ id }) => group.isMarked(id));
    return element(
      "li",
      { class: "group", data: { representative: kept.id } },
      element(
        "header",
        {},
        element("span", { class: `state ${kind}` }, sayOr(`duplicate_${kind}`, kind)),
        element("span", { class: "hint" }, say("documents", { n: others.length + 1 })),
        element("span", { class: "space" }),
        element(
          "button",
          {
            type: "button",
            class: "button",
            disabled: surplus.length === 0,
            data: { focus: `delete ${kept.id}` },
            on: { click: () => this.#delete(group, surplus.map(({ id }) => id)) },
          },
          icon("away"),
          say("duplicates_delete", { n: surplus.length }),
        ),
      ),
      this.#member(group, kept, true),
      others.map((each) => this.#member(group, each, false)),
    );
  }

  #member(group, { id, title, text, score }, isKept) {
    const keep = () => {
      group.keep(id);
      this.render();
    };
    const mark = ({ target }) => {
      group.mark(id, target.checked);
      this.render();
    };
    return element(
      "div",
      { class: isKept ? "member kept" : "member", data: { id } },
      element(
        "div",
        { class: "member-choice" },
        isKept
          ? element("span", { class: "state done" }, say("duplicates_keep"))
          : element(
              "label",
              { class: "option" },
              element("input", {
                type: "checkbox",
                checked: group.isMarked(id),
                data: { focus: `mark ${id}` },
                on: { change: mark },
              }),
              say("duplicates_drop"),
            ),
        score !== undefined &&
          element("span", { class: "number soft", title: say("similarity_title") }, fixed(score, 3)),
        !isKept &&
          element(
            "button",
            { type: "button", class: "link", data: { focus: `keep ${id}` }, on: { click: keep } },
            say("duplicates_keep_this"),
          ),
      ),
      element(
        "div",
        { class: "member-text" },
        title && element("h4", { dir: "auto" }, title),
        text && element("p", { class: "document-text", dir: "auto" }, text),
        element("code", { class: "id", title: id }, id),
      ),
    );
  }

  async #delete(group, ids) {
    const title = group.kept.title || group.kept.id;
    if (!(await confirm(say("duplicates_sure", { n: ids.length, title }), say("duplicates_delete", { n: ids.length }))))
      return;
    try {
      this.#deleted += await api.deleteDocuments(this.collection, ids);
      if (!group.drop(ids)) this.#groups.delete(group.representative);
      await this.frame.refresh();
    } catch (error) {
      this.asking.error = error;
    }
    this.render();
  }
}
