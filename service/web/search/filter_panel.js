/** The filter panel: chips, ranges and values for the fields seen, and the JSON behind them. */

import { display } from "./cards.js";
import { byId, element, keepingFocus, refill, setAttribute } from "../elements.js";
import { Facets } from "./facets.js";
import { readFilter, setRange, toggleValue } from "./filter.js";
import { number, say } from "../words.js";

const SHOWN_FIELDS = 6;
const SHOWN_VALUES = 8;

export class FilterPanel {
  #unfolded = new Set();
  #fields = [];
  #filter = null;
  #onChange;
  #check;
  #facets = new Facets(() => this.show(this.#fields, this.#filter));

  /**
   * @param {(filter: object | null) => void} onChange a filter that was chosen
   * @param {(filter: object | null) => Promise<void>} check rejects with the server's error
   */
  constructor({ onChange, check }) {
    this.#onChange = onChange;
    this.#check = check;
    this.editor = byId("advanced-text");
    byId("advanced-apply").addEventListener("click", () => this.#apply());
    byId("advanced-undo").addEventListener("click", () => this.#showJson());
    this.editor.addEventListener("input", () => this.complain(""));
    this.editor.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#apply();
    });
  }

  /** Another collection: its fields fold again, and are counted anew. */
  forget(collection) {
    this.#unfolded.clear();
    this.#facets.forget(collection);
  }

  /** Shows the fields and the filter in force. */
  show(fields, filter) {
    this.#fields = fields;
    const same = JSON.stringify(filter) === JSON.stringify(this.#filter);
    this.#filter = filter;
    if (!same) this.#facets.begin();
    const root = byId("fields");
    keepingFocus(root, () => refill(root, this.#content()));
    if (!same) this.#showJson();
  }

  /** Says under the editor what is wrong with its text; an empty message takes it back. */
  complain(message) {
    const place = byId("advanced-error");
    place.textContent = message;
    place.hidden = !message;
    setAttribute(this.editor, "aria-invalid", message ? "true" : null);
    if (message) byId("advanced").open = byId("filter").open = true;
  }

  #showJson() {
    this.editor.value = this.#filter ? JSON.stringify(this.#filter, null, 2) : "";
    this.complain("");
  }

  async #apply() {
    const text = this.editor.value.trim();
    let filter = null;
    try {
      filter = text ? JSON.parse(text) : null;
    } catch (error) {
      this.complain(say("advanced_not_json", { reason: error.message }));
      return;
    }
    if (filter !== null && (typeof filter !== "object" || Array.isArray(filter))) {
      this.complain(say("advanced_not_object"));
      return;
    }
    if (filter && !Object.keys(filter).length) filter = null;
    try {
      await this.#check(filter);
    } catch (error) {
      this.complain(error.message);
      return;
    }
    this.#onChange(filter);
  }

  #content() {
    const shown = readFilter(this.#filter);
    const fields = withChosen(this.#fields, shown);
    if (!fields.length) return element("p", { class: "hint" }, say("filter_none"));
    const made = fields.map((field) => this.#field(field, shown));
    if (fields.some(({ few, kind }) => few && kind === "values"))
      made.push(element("p", { class: "hint" }, say("filter_counts")));
    if (made.length <= SHOWN_FIELDS + 1) return made;
    return [
      made.slice(0, SHOWN_FIELDS),
      element(
        "details",
        {
          class: "more-fields",
          open: this.#unfolded.has(""),
          on: { toggle: ({ target }) => this.#fold("", target.open) },
        },
        element("summary", { data: { focus: "more-fields" } }, say("filter_more")),
        made.slice(SHOWN_FIELDS),
      ),
    ];
  }

  #fold(key, open) {
    if (open) this.#unfolded.add(key);
    else this.#unfolded.delete(key);
  }

  #field(field, shown) {
    const chosen = shown.values.get(field.key) ?? [];
    const ranged = field.kind !== "values" && !chosen.length;
    return element(
      "fieldset",
      { class: "filter-field" },
      element("legend", {}, field.key),
      ranged
        ? this.#range(field, shown.ranges.get(field.key) ?? {})
        : [this.#values(field, chosen), !field.few && this.#entry(field)],
    );
  }

  #values({ key, values, few, kind }, chosen) {
    const offered = few && kind === "values" ? values : [];
    const all = [...chosen.filter((value) => !offered.includes(value)), ...offered];
    const whole = this.#unfolded.has(key) || all.length <= SHOWN_VALUES + 2;
    const visible = whole
      ? all
      : all.filter((value, at) => at < SHOWN_VALUES || chosen.includes(value));
    const rest = all.length - visible.length;
    const unfold = () => {
      this.#fold(key, true);
      this.show(this.#fields, this.#filter);
    };
    return element(
      "div",
      { class: "chips" },
      visible.map((value) => this.#chip(key, value, chosen.includes(value))),
      rest > 0 &&
        element(
          "button",
          { type: "button", class: "link", on: { click: unfold } },
          say("filter_show", { n: rest }),
        ),
    );
  }

  #chip(key, value, on) {
    const choose = () => this.#onChange(toggleValue(this.#filter, key, value));
    const n = this.#facets.count(this.#filter, key, value);
    const counted = n !== undefined && n !== null;
    return element(
      "button",
      {
        type: "button",
        class: n === 0 && !on ? "chip nothing" : "chip",
        "aria-pressed": String(on),
        data: { focus: `${key} ${typeof value} ${value}`, ...(counted && { count: number(n) }) },
        on: { click: choose },
      },
      display(value),
    );
  }

  /** A text input that knows the values seen, for fields with too many for chips. */
  #entry({ key, values }) {
    const id = `values-of-${key}`;
    const numeric = values.every((value) => typeof value === "number");
    const choose = ({ target }) => {
      const value = numeric ? Number(target.value) : target.value.trim();
      if (target.value.trim() && !Number.isNaN(value))
        this.#onChange(toggleValue(this.#filter, key, value));
    };
    return [
      element("input", {
        class: "entry",
        list: id,
        "aria-label": `${key}: ${say("filter_value")}`,
        placeholder: say("filter_value"),
        data: { focus: `${key} entry` },
        on: { change: choose },
      }),
      element(
        "datalist",
        { id },
        values.map((value) => element("option", { value })),
      ),
    ];
  }

  #range({ key, kind, values }, bounds) {
    const date = kind === "date";
    const read = (end) => {
      const text = inputs[end].value;
      if (!text) return {};
      return { [end]: date ? dayBound(text, end) : Number(text) };
    };
    const choose = () =>
      this.#onChange(setRange(this.#filter, key, { ...read("gte"), ...read("lte") }));
    const input = (end, bound, limit) =>
      element("input", {
        type: date ? "date" : "number",
        step: date ? null : "any",
        value: bound === undefined ? null : date ? String(bound).slice(0, 10) : bound,
        placeholder: date ? null : limit,
        "aria-label": `${key} ${say(end === "gte" ? "filter_from" : "filter_to")}`,
        data: { focus: `${key} ${end}` },
        on: { change: choose },
      });
    const inputs = {
      gte: input("gte", bounds.gte ?? bounds.gt, values[0]),
      lte: input("lte", bounds.lte ?? bounds.lt, values.at(-1)),
    };
    return element(
      "div",
      { class: `range ${kind}` },
      inputs.gte,
      element("span", { "aria-hidden": "true" }, "–"),
      inputs.lte,
    );
  }
}

/** The first or last moment of a day, UTC. */
function dayBound(day, end) {
  return end === "gte" ? day : `${day}T23:59:59.999999Z`;
}

/** The fields, and those of the filter that no document seen so far has. */
function withChosen(fields, { values, ranges }) {
  const known = new Set(fields.map(({ key }) => key));
  const missing = [...values].filter(([key]) => !known.has(key));
  const bounded = [...ranges].filter(([key]) => !known.has(key));
  return [
    ...fields,
    ...missing.map(([key, chosen]) => ({ key, kind: "values", values: chosen, few: true })),
    ...bounded.map(([key, bounds]) => ({ key, kind: rangeKind(bounds), values: [], few: true })),
  ];
}

function rangeKind(bounds) {
  return Object.values(bounds).some((bound) => typeof bound === "string") ? "date" : "number";
}
