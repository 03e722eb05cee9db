/** What another collection holds as well: a test set in its training set, an old copy in a new one. */

import { Asking } from "../analysis/asking.js";
import { askingNotices, receiptPanel } from "../analysis/asking_view.js";
import { Pages } from "../analysis/pages.js";
import { element } from "../elements.js";
import { fixed, percent, say } from "../words.js";

const PAGE = 50;

export class Leakage {
  #room;
  #other = "";
  #pages;
  #last = null;

  constructor(room) {
    this.#room = room;
    this.#pages = new Pages(room, "pairs", "duplicates/leakage");
    this.asking = new Asking("duplicates/leakage", () => this.#changed(), "leakage");
  }

  #changed() {
    const { result } = this.asking;
    if (result && result !== this.#last) this.#pages.begin(result);
    this.#last = result;
    this.#room.render();
  }

  enter(collection) {
    this.#other = "";
    return this.asking.enter(collection, { limit: PAGE });
  }

  leave() {
    this.asking.leave();
  }

  get #others() {
    const { frame, collection } = this.#room;
    return frame.collections.map(({ name }) => name).filter((name) => name !== collection);
  }

  #ask() {
    const other = this.#other || this.#others[0];
    return this.asking.ask({ other }, { limit: PAGE });
  }

  content() {
    if (!this.#others.length) return element("p", { class: "hint" }, say("leakage_alone"));
    const { result, job, error } = this.asking;
    const onAsk = () => this.#ask();
    const told = result || job || error;
    return [
      element("p", { class: "lead" }, say("leakage_lead")),
      this.#form(onAsk),
      told && askingNotices(this.asking, { room: "duplicates", onAsk }),
      result && this.#pairs(result),
      result && receiptPanel(result),
    ];
  }

  #form(onAsk) {
    const submit = (event) => {
      event.preventDefault();
      onAsk();
    };
    const select = element(
      "select",
      {
        data: { focus: "leakage other" },
        on: {
          change: ({ target }) => {
            this.#other = target.value;
          },
        },
      },
      this.#others.map((name) => element("option", { value: name }, name)),
    );
    if (this.#other) select.value = this.#other;
    return element(
      "form",
      { class: "row leakage-form", on: { submit } },
      element("label", { class: "choice" }, say("leakage_other"), select),
      element("button", { class: "button primary", data: { focus: "leakage ask" } }, say("ask_drift")),
    );
  }

  #pairs({ other, count, share }) {
    const { items, cursor } = this.#pages;
    const told = count
      ? say("leakage_found", { n: count, share: percent(share), other })
      : say("leakage_none", { other });
    return [
      element("p", { class: "status", role: "status" }, told),
      items.length > 0 &&
        element(
          "div",
          { class: "wide-table" },
          element("table", { class: "table" }, this.#head(other), element("tbody", {}, items.map(row))),
        ),
      cursor &&
        element(
          "button",
          {
            type: "button",
            class: "button more",
            data: { focus: "more pairs" },
            on: { click: () => this.#pages.more() },
          },
          say("more_show"),
        ),
    ];
  }

  #head(other) {
    const names = [this.#room.collection, other, say("similarity")];
    return element(
      "thead",
      {},
      element("tr", {}, names.map((name) => element("th", { scope: "col" }, name))),
    );
  }
}

function row({ id, title, text, other, score }) {
  return element(
    "tr",
    {},
    element(
      "th",
      { scope: "row", dir: "auto" },
      title || id,
      element("p", { class: "document-text" }, text),
    ),
    element("td", {}, element("code", {}, other)),
    element("td", { class: "number" }, fixed(score, 3)),
  );
}
