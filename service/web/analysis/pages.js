/** The pages of a result, one below the other. */

import * as api from "../api.js";

const PAGE = 50;

export class Pages {
  items = [];
  cursor = null;
  error = null;
  #room;
  #name;

  /**
   * @param {{collection: string, render: () => void}} room
   * @param {string} name of the list in the answer
   * @param {string} [path] of the analysis
   */
  constructor(room, name, path = name) {
    this.#room = room;
    this.#name = name;
    this.path = path;
  }

  forget() {
    Object.assign(this, { items: [], cursor: null, error: null });
  }

  /** The first page. */
  begin(result) {
    Object.assign(this, { items: result[this.#name], cursor: result.cursor, error: null });
  }

  /** The next page; what came with it. */
  async more() {
    const { cursor } = this;
    if (!cursor) return [];
    try {
      const page = await api.analysis(this.#room.collection, this.path, { limit: PAGE, cursor });
      if (cursor !== this.cursor) return [];
      this.items = [...this.items, ...page[this.#name]];
      this.cursor = page.cursor;
      this.error = null;
      return page[this.#name];
    } catch (error) {
      this.error = error;
      return [];
    } finally {
      this.#room.render();
    }
  }
}
