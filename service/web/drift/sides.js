/** Which documents are held against which: another collection, or those before and after a moment. */

import * as api from "../api.js";
import { element } from "../elements.js";
import { Fields } from "../search/fields.js";
import { say } from "../words.js";

const SAMPLE = 200;

export class Sides {
  #known;
  #fields = [];
  #said = { other: "", key: "", value: "" };
  #collection = "";

  /** @param {() => {frame: object}} known what the form is to know when it is shown */
  constructor(known) {
    this.#known = known;
  }

  /** Another collection: its fields are learnt. */
  async forget(collection) {
    if (collection === this.#collection || !collection) return;
    this.#collection = collection;
    this.#said = { other: "", key: "", value: "" };
    this.#fields = [];
    try {
      const fields = new Fields();
      fields.learn(await api.firstDocuments(collection, SAMPLE));
      if (collection !== this.#collection) return;
      this.#fields = fields.list().filter(({ kind, few }) => kind !== "values" || few);
    } catch {
      // Without fields, collections alone can be compared.
    }
    const { frame } = this.#known();
    frame.render();
  }

  /** What the job is asked for. */
  get body() {
    const { other, key, value } = this.#said;
    if (other) return { before: { collection: other } };
    const field = this.#fields.find((each) => each.key === key) ?? this.#fields[0];
    if (!field) return {};
    return sidesBy(field, value || middleOf(field));
  }

  /** The form; `onAsk` is called when it is sent. */
  form(onAsk, { asked }) {
    const { frame } = this.#known();
    const submit = (event) => {
      event.preventDefault();
      onAsk();
    };
    return element(
      "form",
      { class: "row sides", on: { submit } },
      this.#choice("other", say("drift_compare"), [
        ["", say("drift_within")],
        ...frame.collections
          .filter(({ name }) => name !== this.#collection)
          .map(({ name }) => [name, say("drift_with", { name })]),
      ]),
      !this.#said.other && this.#split(),
      element("button", { class: "button primary", data: { focus: "ask again" } }, asked),
    );
  }

  #split() {
    if (!this.#fields.length) return element("p", { class: "hint" }, say("drift_no_field"));
    const field = this.#fields.find(({ key }) => key === this.#said.key) ?? this.#fields[0];
    const value = this.#said.value || middleOf(field);
    const keys = this.#fields.map(({ key }) => [key, key]);
    if (field.kind === "values") {
      const values = field.values.map((each) => [String(each), String(each)]);
      return [
        this.#choice("key", say("drift_field"), keys),
        this.#choice("value", say("drift_later_is"), values),
      ];
    }
    const input = element("input", {
      type: field.kind === "date" ? "date" : "number",
      step: field.kind === "date" ? null : "any",
      value,
      data: { focus: "side value" },
      // Not rendered anew: Enter changes the value and sends this very form.
      on: { change: ({ target }) => (this.#said = { ...this.#said, value: target.value }) },
    });
    return [
      this.#choice("key", say("drift_field"), keys),
      element("label", { class: "choice" }, say("drift_later_from"), input),
    ];
  }

  #choice(name, label, choices) {
    const select = element(
      "select",
      { data: { focus: `side ${name}` }, on: { change: ({ target }) => this.#set(name, target.value) } },
      choices.map(([value, text]) => element("option", { value }, text)),
    );
    if (this.#said[name]) select.value = this.#said[name];
    return element("label", { class: "choice" }, label, select);
  }

  #set(name, value) {
    this.#said = { ...this.#said, [name]: value, ...(name === "key" && { value: "" }) };
    this.#known().frame.render();
  }
}

/** Where a field is divided unless somebody says otherwise. */
function middleOf({ kind, values }) {
  if (kind === "values") return String(values[0]);
  const middle = values[Math.floor(values.length / 2)];
  return kind === "date" ? String(middle).slice(0, 10) : String(middle);
}

/** Both sides as filters: below and from a bound on, or without and with a value. */
export function sidesBy({ key, kind, values }, value) {
  if (kind === "values") {
    const meant = values.find((each) => String(each) === value);
    const match = { key, match: { value: meant } };
    return { before: { filter: { must_not: [match] } }, after: { filter: { must: [match] } } };
  }
  const bound = kind === "date" ? value : Number(value);
  return {
    before: { filter: { must: [{ key, range: { lt: bound } }] } },
    after: { filter: { must: [{ key, range: { gte: bound } }] } },
  };
}
