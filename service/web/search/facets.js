/** How many documents each value of a field would leave: counted by the server, value by value. */

import * as api from "../api.js";
import { onlyValue } from "./filter.js";

const AT_ONCE = 4;
/** Counts that are kept; the oldest go first. */
const MOST_KEPT = 2000;

export class Facets {
  #changed;
  #counts = new Map();
  #wanted = [];
  #stop = new AbortController();
  #collection = "";
  #open = 0;

  /** @param {() => void} changed called when counts came in */
  constructor(changed) {
    this.#changed = changed;
  }

  /** Another collection, or documents that were written: what was counted is forgotten. */
  forget(collection) {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#collection = collection;
    this.#counts.clear();
    this.#wanted = [];
  }

  /** Documents with `value` in `key` under the other conditions; undefined until it is counted. */
  count(filter, key, value) {
    const wanted = onlyValue(filter, key, value);
    const name = JSON.stringify(wanted);
    if (this.#counts.has(name)) return this.#counts.get(name);
    if (!this.#wanted.some((each) => each.name === name)) this.#wanted.push({ name, wanted });
    while (this.#open < AT_ONCE && this.#wanted.length) this.#next();
    return undefined;
  }

  /** Nothing that waits is wanted any more, as under another filter. */
  begin() {
    this.#wanted = [];
  }

  async #next() {
    const { signal } = this.#stop;
    const { name, wanted } = this.#wanted.shift();
    this.#open += 1;
    try {
      // A count that was refused stays unknown: the filter itself says what is wrong with it.
      const n = await api.count(this.#collection, wanted, signal).catch(() => null);
      if (signal.aborted) return;
      this.#counts.set(name, n);
      if (this.#counts.size > MOST_KEPT) this.#counts.delete(this.#counts.keys().next().value);
    } finally {
      this.#open -= 1;
    }
    if (this.#wanted.length) this.#next();
    else if (!this.#open) this.#changed();
  }
}
