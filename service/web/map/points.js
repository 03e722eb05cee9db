/** The points of a map that are here already, column by column, and finding them by place. */

const CELLS = 256;

/** Points by place: added tile by tile, looked up by cell. */
export class Points {
  /** How many are here. */
  length = 0;
  #grid = null;

  /**
   * @param {number} capacity points of the whole map
   * @param {[number, number, number, number]} bounds left, low, right, high
   */
  constructor(capacity, bounds) {
    this.capacity = capacity;
    this.bounds = bounds;
    this.x = new Float32Array(capacity);
    this.y = new Float32Array(capacity);
    this.positions = new Uint32Array(capacity);
    this.clusters = new Int32Array(capacity).fill(-1);
    this.scores = new Float32Array(capacity).fill(NaN);
  }

  /** Adds a tile as `readTile` gives it; one too many for the capacity is refused. */
  add(tile) {
    const at = this.length;
    if (at + tile.n > this.capacity)
      throw new RangeError(`${at + tile.n} points; the map has ${this.capacity}`);
    this.x.set(tile.x, at);
    this.y.set(tile.y, at);
    this.positions.set(tile.positions, at);
    if (tile.clusters) this.clusters.set(tile.clusters, at);
    if (tile.scores) this.scores.set(tile.scores, at);
    this.length += tile.n;
    this.#grid = null;
  }

  #cell(value, low, side) {
    return Math.max(0, Math.min(CELLS - 1, Math.floor(((value - low) / side) * CELLS)));
  }

  /** Points sorted by cell: `firsts[c]` to `firsts[c + 1]` in `order` are those of cell c. */
  #sorted() {
    if (this.#grid) return this.#grid;
    const [left, low, right] = this.bounds;
    const side = right - left;
    const firsts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i += 1) {
      const cell = this.#cell(this.y[i], low, side) * CELLS + this.#cell(this.x[i], left, side);
      cells[i] = cell;
      firsts[cell + 1] += 1;
    }
    for (let c = 0; c < CELLS * CELLS; c += 1) firsts[c + 1] += firsts[c];
    const next = firsts.slice();
    const order = new Uint32Array(this.length);
    for (let i = 0; i < this.length; i += 1) {
      order[next[cells[i]]] = i;
      next[cells[i]] += 1;
    }
    this.#grid = { firsts, order };
    return this.#grid;
  }

  /** Calls `tell` with every point in the cells that the box touches. */
  #around([left, low, right, high], tell) {
    const { firsts, order } = this.#sorted();
    const [x0, y0, x1] = this.bounds;
    const side = x1 - x0;
    const [columns, rows] = [
      [this.#cell(left, x0, side), this.#cell(right, x0, side)],
      [this.#cell(low, y0, side), this.#cell(high, y0, side)],
    ];
    for (let row = rows[0]; row <= rows[1]; row += 1) {
      const [from, to] = [firsts[row * CELLS + columns[0]], firsts[row * CELLS + columns[1] + 1]];
      for (let at = from; at < to; at += 1) tell(order[at]);
    }
  }

  /** The point nearest to a place, at most `reach` away; -1: none. */
  nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    this.#around([x - reach, y - reach, x + reach, y + reach], (i) => {
      const distance = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
      if (distance <= least) {
        least = distance;
        best = i;
      }
    });
    return best;
  }

  /** The points in a box, in the order of their numbers. */
  inBox([left, low, right, high]) {
    const found = [];
    this.#around([left, low, right, high], (i) => {
      const inside = this.x[i] >= left && this.x[i] <= right;
      if (inside && this.y[i] >= low && this.y[i] <= high) found.push(i);
    });
    return found.sort((a, b) => a - b);
  }

  /**
   * The points in a polygon, by the even-odd rule.
   *
   * @param {[number, number][]} corners in order; the last joins the first
   */
  inPolygon(corners) {
    if (corners.length < 3) return [];
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    return this.inBox(box).filter((i) => isInside(this.x[i], this.y[i], xs, ys));
  }
}

function isInside(x, y, xs, ys) {
  let inside = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i, i += 1) {
    const crosses = ys[i] > y !== ys[j] > y;
    if (crosses && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
  }
  return inside;
}
