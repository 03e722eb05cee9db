/** Fetching the tiles of a map: the whole first, coarsely, then what is looked at, then the rest. */

import { readTile } from "./tile_format.js";

/** Tiles asked for at the same time. */
const AT_ONCE = 4;
/** Points fetched without being looked at; of larger maps the rest comes with the zoom. */
export const ALL_UP_TO = 400_000;
/** Pixels along a tile's side from which on the tiles under it are wanted. */
const SIDE = 640;

export class Loading {
  #left;
  #fetch;
  #added;
  #failed;
  #signal;
  #bounds;
  #view = null;
  #open = 0;

  /**
   * @param {{tiles: object[], bounds: number[]}} answer of the map
   * @param {import("./points.js").Points} points to fill
   * @param {{fetch: (tile: object, signal: AbortSignal) => Promise<ArrayBuffer>,
   *   added: () => void, failed: (error: Error) => void, signal: AbortSignal}} how
   */
  constructor({ tiles, bounds }, points, { fetch, added, failed, signal }) {
    this.points = points;
    this.#left = tiles.toSorted((a, b) => a.level - b.level);
    this.#bounds = bounds;
    this.#fetch = fetch;
    this.#added = added;
    this.#failed = failed;
    this.#signal = signal;
  }

  /** What is looked at now: its box, and pixels for a unit of the map. */
  look(box, scale) {
    this.#view = { box, scale };
    while (this.#open < AT_ONCE && this.#next()) this.#load();
  }

  /** True once every tile that is wanted now is here. */
  get isSettled() {
    return this.#open === 0;
  }

  #boxOf({ level, column, row }) {
    const [left, low, right] = this.#bounds;
    const side = (right - left) / 2 ** level;
    return [
      left + column * side,
      low + row * side,
      left + (column + 1) * side,
      low + (row + 1) * side,
    ];
  }

  #isSeen(tile) {
    const { box, scale } = this.#view;
    const [left, low, right, high] = this.#boxOf(tile);
    const near = left <= box[2] && right >= box[0] && low <= box[3] && high >= box[1];
    return near && (tile.level === 0 || (right - left) * 2 * scale >= SIDE);
  }

  #next() {
    const seen = this.#left.find((tile) => this.#isSeen(tile));
    return seen ?? (this.points.length < ALL_UP_TO ? this.#left[0] : undefined);
  }

  async #load() {
    const tile = this.#next();
    this.#left.splice(this.#left.indexOf(tile), 1);
    this.#open += 1;
    try {
      const read = readTile(await this.#fetch(tile, this.#signal));
      if (this.#signal.aborted) return;
      this.points.add(read);
    } catch (error) {
      if (!this.#signal.aborted) this.#failed(error);
      return;
    } finally {
      this.#open -= 1;
    }
    this.#added();
    this.look(this.#view.box, this.#view.scale);
  }
}
