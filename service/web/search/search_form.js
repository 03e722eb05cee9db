/** The query, the collection and the options of a search. */

import { byId, element, keepingFocus, refill } from "../elements.js";
import { judgements } from "./judgements.js";
import { isRecommending, LIMITS } from "./question.js";
import { number, say, sayOr } from "../words.js";

const TYPING_MS = 280;

/** The form at the top; tells what changed and how firmly. */
export class SearchForm {
  #timer = 0;
  #ask;

  /**
   * @param {(changes: object, how: "typed" | "chosen") => void} ask typed changes replace the
   *   address, chosen ones can be gone back from.
   */
  constructor(ask) {
    this.#ask = ask;
    const query = byId("query");
    byId("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask(this.#asked(), "chosen");
    });
    query.addEventListener("input", () => this.#type());
    byId("clear").addEventListener("click", () => {
      this.#stopWaiting();
      this.#ask({ query: "", like: [], unlike: [] }, "chosen");
      query.focus();
    });
    byId("collection").addEventListener("change", ({ target }) => {
      this.#ask({ collection: target.value, like: [], unlike: [], filter: null }, "chosen");
    });
    byId("mode").addEventListener("change", ({ target }) =>
      this.#ask({ mode: target.value }, "chosen"),
    );
    byId("limit").addEventListener("change", ({ target }) => {
      this.#ask({ limit: Number(target.value) }, "chosen");
    });
    for (const name of ["exact", "group"]) {
      byId(name).addEventListener("change", ({ target }) =>
        this.#ask({ [name]: target.checked }, "chosen"),
      );
    }
  }

  #type() {
    this.#showClear();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(this.#asked(), "typed"), TYPING_MS);
  }

  #stopWaiting() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  /** Words in the box end "more like this"; an empty box leaves it. */
  #asked() {
    this.#stopWaiting();
    const query = byId("query").value;
    return query.trim() ? { query, like: [], unlike: [] } : { query };
  }

  /**
   * Shows a question. While somebody types, the box is theirs.
   *
   * @param {object} question
   * @param {{collections: object[], modes: string[], titles: Map<string, string>}} known
   */
  show(question, { collections, modes, titles }) {
    const query = byId("query");
    const typing = this.#timer !== 0;
    if (!typing && query.value.trim() !== question.query.trim()) query.value = question.query;
    query.placeholder = say(isRecommending(question) ? "like_placeholder" : "ask_placeholder");
    showOptions(
      "collection",
      collections.map(({ name }) => [name, name]),
      question.collection,
    );
    showOptions(
      "mode",
      modes.map((mode) => [mode, sayOr(`mode_${mode}`, mode)]),
      question.mode || modes[0],
    );
    showOptions(
      "limit",
      LIMITS.map((limit) => [limit, number(limit)]),
      question.limit,
    );
    byId("mode").closest("label").hidden = !modes.length || isRecommending(question);
    byId("exact").checked = question.exact;
    byId("group").checked = question.group;
    this.#showJudgements(question, titles);
    this.#showClear();
    showAbout(collections.find(({ name }) => name === question.collection));
    byId("ask").hidden = !collections.length;
  }

  #showJudgements(question, titles) {
    const root = byId("judgements");
    root.hidden = !isRecommending(question);
    const pills = judgements(question, titles, (changes) => this.#ask(changes, "chosen"));
    keepingFocus(root, () => refill(root, pills));
  }

  #showClear() {
    byId("clear").hidden = !byId("query").value;
  }
}

function showOptions(id, options, chosen) {
  refill(
    byId(id),
    options.map(([value, text]) => element("option", { value }, text)),
  );
  byId(id).value = chosen;
}

/** The collection in a line: how large, which encoder, which metric. */
function showAbout(collection) {
  if (!collection) return refill(byId("about"));
  const { documents, encoder, metric } = collection;
  const parts = [
    say("documents", { n: documents }),
    encoder.name,
    say("dimensions", { n: encoder.dim }),
    metric,
  ];
  return refill(byId("about"), parts.join(" · "));
}
