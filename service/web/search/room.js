/** The search: a question is asked, answered, shown, and kept in the address. */

import * as api from "../api.js";
import { byId } from "../elements.js";
import { Fields } from "./fields.js";
import { FilterPanel } from "./filter_panel.js";
import { ImageSearch } from "./image_search.js";
import { startKeyboard } from "./keyboard.js";
import { askedBody, changed, fromAddress, isAsking, isRecommending, toAddress } from "./question.js";
import { SearchForm } from "./search_form.js";
import { render, renderCount } from "./view.js";

/** How much to read of a collection to learn its fields: bytes, and documents at most. */
const SAMPLE_BYTES = 1_000_000;
const SAMPLE_DOCUMENTS = 500;
/** From which width on a panel lies open, as in style.css. */
const WIDE = { filter: matchMedia("(width >= 60rem)"), receipt: matchMedia("(width >= 80rem)") };

export class SearchRoom {
  question = fromAddress(location.search);
  fields = new Fields();
  first = [];
  counted = null;
  /** Titles of documents whose like is wanted, or is not, by id. */
  titles = new Map();
  /** @type {{matches: object[], receipt: object, cursor: string | null} | null} */
  answer = null;
  error = null;
  busy = false;
  /** Ids of the matches whose whole text is shown. */
  unfolded = new Set();
  #frame;
  #entering = null;
  #typed = false;
  #running = null;
  #counting = null;

  /** @param {object} frame the frame around the rooms, which knows the collections */
  constructor(frame) {
    this.#frame = frame;
    this.form = new SearchForm((changes, how) => this.ask(changes, how));
    this.panel = new FilterPanel({
      onChange: (filter) => this.ask({ filter }, "chosen"),
      check: (filter) => api.count(this.question.collection, filter),
    });
    this.pictures = new ImageSearch(
      (picture) => this.ask({ query: "", like: [], unlike: [], picture }, "chosen"),
      (message) => {
        this.error = new api.ServerError(message, { status: 400 });
        this.render();
      },
    );
    byId("more").addEventListener("click", () => this.more());
    for (const width of Object.values(WIDE)) width.addEventListener("change", foldPanels);
    foldPanels();
    startKeyboard();
  }

  /** @type {object[] | null} null until the server has told. */
  get collections() {
    return this.#frame.collections;
  }

  get modes() {
    return this.#frame.modes;
  }

  get unusable() {
    return this.#frame.unusable;
  }

  get waking() {
    return this.#frame.waking;
  }

  /** Why there is nothing to show: of the search, or of the server as a whole. */
  get failure() {
    return this.error ?? this.#frame.error;
  }

  /** Everything from the server anew. */
  again() {
    return this.#frame.start();
  }

  /** Shows and answers what the address asks. */
  async enter({ address, fresh }) {
    this.#typed = false;
    const question = fromAddress(address);
    if (!question.collection && this.#frame.collection) {
      const { name: collection } = this.#frame.collection;
      const whole = changed(question, { collection, pages: question.pages });
      history.replaceState(null, "", toAddress(whole));
      return this.#arrive(whole, fresh);
    }
    return this.#arrive(question, fresh);
  }

  /** Gives up what is under way. */
  leave() {
    this.#running?.abort();
    this.#counting?.abort();
    this.busy = false;
  }

  /**
   * The question with changes: into the address, and answered. All that is typed in one go is one
   * step of the browser's history.
   *
   * @param {object} changes
   * @param {"typed" | "chosen"} how
   */
  ask(changes, how) {
    const next = changed(this.question, changes);
    const same = toAddress(next) === toAddress(this.question);
    const typed = how === "typed";
    if (same && typed) return;
    history[same || (typed && this.#typed) ? "replaceState" : "pushState"](
      null,
      "",
      toAddress(next),
    );
    this.#typed = typed;
    this.#frame.moved();
    this.#arrive(next);
  }

  /** A question, from wherever it came: shown and answered. */
  async #arrive(question, fresh = false) {
    const moved = fresh || question.collection !== this.question.collection;
    this.question = question;
    this.#running?.abort();
    if (!this.collections?.length) return this.render();
    if (moved) await this.#enter();
    if (question !== this.question) return undefined;
    this.#count();
    return this.#search();
  }

  /** Learns what the collection's first documents are like. */
  async #enter() {
    const { question } = this;
    Object.assign(this, { fields: new Fields(), first: [], answer: null, error: null, busy: true });
    this.titles = new Map();
    this.#entering = null;
    this.panel.forget(question.collection);
    this.render();
    try {
      const first = await api.firstDocuments(question.collection, sampleSize(this.collection));
      if (question !== this.question) return;
      this.first = first;
      this.fields.learn(first);
    } catch (error) {
      if (question === this.question) this.#entering = error;
    }
  }

  /** Searches from the first page; a search that is under way is given up. */
  async #search() {
    const { question } = this;
    this.error = null;
    this.unfolded.clear();
    if (!isAsking(question)) {
      this.error = this.#entering;
      this.answer = null;
      this.busy = false;
      return this.render();
    }
    this.busy = true;
    this.render();
    await this.#run(async (signal) => {
      await this.#learnTitles(question, signal);
      this.#take(await api.ask(question.collection, askedBody(question), signal));
    });
    return undefined;
  }

  /** The next page, below the ones there are. */
  async more() {
    const { question } = this;
    const { matches: before, cursor } = this.answer;
    this.busy = true;
    this.render();
    await this.#run(async (signal) => {
      const answer = await api.ask(question.collection, askedBody(question, cursor), signal);
      this.question = changed(question, { pages: question.pages + 1 });
      history.replaceState(null, "", toAddress(this.question));
      this.#take(answer, before);
    });
    byId("cards").children[before.length]?.focus({ preventScroll: true });
  }

  /** Runs `work`, which nobody waits for once another has begun. */
  async #run(work) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      await work(running.signal);
    } catch (error) {
      if (running.signal.aborted) return;
      this.error = error;
      this.answer = null;
    }
    if (running.signal.aborted) return;
    this.busy = false;
    this.render();
    if (this.error?.param?.startsWith?.("filter")) this.panel.complain(this.error.message);
  }

  #take({ matches, receipt, cursor }, before = []) {
    this.answer = { matches: [...before, ...matches], receipt, cursor };
    this.fields.learn(matches);
  }

  /** The titles of the documents whose like is wanted, or is not. */
  async #learnTitles({ collection, like, unlike }, signal) {
    const known = [...(this.answer?.matches ?? []), ...this.first];
    const unnamed = [...like, ...unlike].filter((id) => !this.titles.has(id));
    await Promise.all(
      unnamed.map(async (id) => {
        const seen = known.find((match) => match.id === id);
        const found = seen ?? (await api.oneDocument(collection, id, signal));
        this.titles.set(id, found.title || found.id);
      }),
    );
  }

  /** How many documents the filter leaves. */
  async #count() {
    this.#counting?.abort();
    const counting = new AbortController();
    this.#counting = counting;
    this.counted = null;
    const { collection, filter } = this.question;
    if (!filter) return;
    try {
      const n = await api.count(collection, filter, counting.signal);
      if (counting.signal.aborted) return;
      this.counted = n;
      renderCount(this);
    } catch (error) {
      if (!counting.signal.aborted && error.status === 400) this.panel.complain(error.message);
    }
  }

  /** The card of the collection asked, if there is one. */
  get collection() {
    return this.collections?.find(({ name }) => name === this.question.collection);
  }

  /** What is looked for, in words: the query, or titles of the documents whose like is wanted. */
  get subject() {
    const { question, titles } = this;
    if (question.picture) return question.picture.name;
    if (!isRecommending(question)) return question.query.trim();
    return question.like.map((id) => titles.get(id) ?? id).join(", ");
  }

  render() {
    render(this);
  }
}

/** As many documents as make about `SAMPLE_BYTES`, by the collection's average. */
function sampleSize({ bytes, documents } = {}) {
  const average = documents > 0 ? bytes / documents : SAMPLE_BYTES;
  return Math.max(20, Math.min(SAMPLE_DOCUMENTS, Math.floor(SAMPLE_BYTES / average)));
}

/** Panels lie open where there is room beside the results, and are folded where not. */
function foldPanels() {
  for (const [id, { matches }] of Object.entries(WIDE)) byId(id).open = matches;
}
