/** Documents that say the same: which one is kept, and which are to be deleted. */

export class Group {
  #members;
  #kept;
  /** At first all but translations, of which both are usually wanted. */
  #marked = new Set();

  /**
   * @param {{representative: string, title: string, text: string, kind: string,
   *   members: object[]}} told by the server; members are the others
   */
  constructor({ representative, title, text, kind, members }) {
    this.representative = representative;
    this.kind = kind;
    this.#members = [{ id: representative, title, text }, ...members];
    this.#kept = representative;
    if (!this.isTranslation) this.#marked = new Set(this.#members.map(({ id }) => id));
  }

  get isTranslation() {
    return this.kind === "translation";
  }

  get kept() {
    return this.#members.find(({ id }) => id === this.#kept);
  }

  get others() {
    return this.#members.filter(({ id }) => id !== this.#kept);
  }

  /** True if that document is to be deleted; the one that is kept never is. */
  isMarked(id) {
    return id !== this.#kept && this.#marked.has(id);
  }

  mark(id, on) {
    if (on) this.#marked.add(id);
    else this.#marked.delete(id);
  }

  /** Keeps another one. */
  keep(id) {
    this.#kept = id;
  }

  /** Leaves out what was deleted; false if nothing is left to compare. */
  drop(ids) {
    this.#members = this.#members.filter(({ id }) => !ids.includes(id));
    return this.#members.length > 1;
  }
}
