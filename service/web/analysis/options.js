/** How an analysis shall be made: a form that unfolds, everything in it left to the server at first. */

import { element } from "../elements.js";
import { say } from "../words.js";

export class Options {
  #fields;
  #said = {};
  #open = false;

  /**
   * @param {() => {name: string, label: string, kind: "number" | "choice",
   *   choices?: [string, string][], least?: number, most?: number, step?: number | "any",
   *   auto?: string, hint?: string}[]} fields in today's language; `auto` stands in an empty
   *   number's place
   */
  constructor(fields) {
    this.#fields = fields;
  }

  /** What was chosen, without what was left to the server. */
  get body() {
    return { ...this.#said };
  }

  /** The form; `onAsk` is called when it is sent. */
  form(onAsk, { asked }) {
    const submit = (event) => {
      event.preventDefault();
      onAsk();
    };
    return element(
      "details",
      {
        class: "options-of-analysis",
        open: this.#open,
        on: {
          toggle: ({ target }) => {
            this.#open = target.open;
          },
        },
      },
      element("summary", { data: { focus: "options" } }, say("options_of_analysis")),
      element(
        "form",
        { class: "row", on: { submit } },
        this.#fields().map((field) => this.#field(field)),
        element("button", { class: "button primary", data: { focus: "ask again" } }, asked),
      ),
    );
  }

  #field(field) {
    const { name, label, kind, hint } = field;
    const input = kind === "choice" ? this.#choice(field) : this.#number(field);
    return element("label", { class: "choice", title: hint, data: { option: name } }, label, input);
  }

  #choice({ name, choices }) {
    const choose = ({ target }) => this.set(name, choices[target.selectedIndex][0]);
    const select = element(
      "select",
      { name, data: { focus: `option ${name}` }, on: { change: choose } },
      choices.map(([value, text]) => element("option", { value }, text)),
    );
    select.value = String(this.#said[name] ?? choices[0][0]);
    return select;
  }

  #number({ name, least, most, step = 1, auto }) {
    const choose = ({ target }) => {
      if (target.validity.valid) this.set(name, target.value === "" ? "" : Number(target.value));
    };
    return element("input", {
      type: "number",
      name,
      min: least,
      max: most,
      step,
      value: this.#said[name],
      placeholder: auto,
      data: { focus: `option ${name}` },
      on: { input: choose },
    });
  }

  /** Chooses for the reader; "" leaves it to the server. */
  set(name, value) {
    if (value === "") delete this.#said[name];
    else this.#said[name] = value;
  }
}
