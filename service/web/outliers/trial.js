/** Trying a text: would it stand out here? */

import * as api from "../api.js";
import { element } from "../elements.js";
import { errorNotice } from "../notices.js";
import { say } from "../words.js";
import { reasonOf, scoreMeter } from "./room.js";

export class Trial {
  #room;
  #text = "";
  #open = false;
  #verdict = null;
  #error = null;

  constructor(room) {
    this.#room = room;
  }

  forget() {
    this.#verdict = null;
    this.#error = null;
  }

  async #try() {
    const text = this.#text.trim();
    if (!text) return;
    this.#error = null;
    try {
      const body = { texts: [text] };
      const answer = await api.askAnalysis(this.#room.collection, "outliers/score", body);
      this.#verdict = answer.scores[0];
      this.#room.explain([this.#verdict]);
    } catch (error) {
      this.#error = error;
    }
    this.#room.render();
  }

  content() {
    const submit = (event) => {
      event.preventDefault();
      this.#try();
    };
    return element(
      "details",
      {
        class: "trial",
        open: this.#open,
        on: {
          toggle: ({ target }) => {
            this.#open = target.open;
          },
        },
      },
      element("summary", { data: { focus: "trial" } }, say("trial")),
      element(
        "form",
        { class: "row", on: { submit } },
        element("label", { class: "hidden", for: "trial-text" }, say("trial_label")),
        element("input", {
          id: "trial-text",
          class: "entry",
          value: this.#text,
          placeholder: say("trial_label"),
          data: { focus: "trial text" },
          on: {
            input: ({ target }) => {
              this.#text = target.value;
            },
          },
        }),
        element("button", { class: "button", data: { focus: "trial go" } }, say("trial_go")),
      ),
      this.#error && errorNotice(this.#error, () => this.#try()),
      this.#verdict && this.#shown(),
    );
  }

  #shown() {
    const verdict = this.#verdict;
    return element(
      "div",
      { class: "verdict", role: "status" },
      element(
        "p",
        { class: "row" },
        say(verdict.is_outlier ? "trial_odd" : "trial_usual"),
        scoreMeter(verdict),
      ),
      reasonOf(verdict, this.#room),
    );
  }
}
