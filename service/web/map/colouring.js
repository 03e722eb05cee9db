/** Which colour each point has: by topic, by score, or by a field of its document. */

import { FADED, groupColour, NONE, stepColour } from "./colours.js";

/** Groups of a field that get a colour of their own; further values share that of none. */
const MOST_GROUPS = 24;

export class Colouring {
  /** `cluster`, `score`, or the key of a field. */
  by = "cluster";
  /** The only group whose points are shown in colour, null: all. */
  chosen = null;
  /** Points that are selected, null: all. */
  selected = null;
  /** Ends of the scale, where the colours are steps. */
  low = 0;
  high = 1;
  #points;
  #field = null;

  /** @param {import("./points.js").Points} points */
  constructor(points) {
    this.#points = points;
  }

  get #isNumber() {
    return this.#field !== null && this.#field.kind !== "values";
  }

  /** True if the scale is one of time, in Unix seconds. */
  get isTime() {
    return this.#field?.kind === "times";
  }

  /** `groups`, or `steps` of a number. */
  get kind() {
    return this.by === "score" || this.#isNumber ? "steps" : "groups";
  }

  /**
   * Colours by what documents say of themselves.
   *
   * @param {string} by `cluster`, `score` or a field's key
   * @param {{kind: "values" | "numbers" | "times", values: unknown[], codes: number[],
   *   numbers: (number | null)[]} | null} field by position: `codes` are places in `values`, most
   *   frequent first, -1 where there is none
   */
  choose(by, field = null) {
    Object.assign(this, { by, chosen: null });
    this.#field = field;
    this.#findEnds();
  }

  #findEnds() {
    if (this.kind !== "steps") return;
    const values = this.by === "score" ? this.#points.scores : this.#field.numbers;
    const length = this.by === "score" ? this.#points.length : values.length;
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < length; i += 1) {
      if (values[i] === null) continue;
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    Object.assign(this, { low: Math.min(low, high), high: Math.max(low, high) });
    if (this.by === "score") this.low = 0;
  }

  /** The group of a point, -1: none. */
  groupOf(i) {
    if (this.by === "cluster") return this.#points.clusters[i];
    const code = this.#field?.codes?.[this.#points.positions[i]] ?? -1;
    return code < MOST_GROUPS ? code : -1;
  }

  #numberOf(i) {
    if (this.by === "score") return this.#points.scores[i];
    return this.#field.numbers[this.#points.positions[i]] ?? NaN;
  }

  /** True if no point has a group: all have one colour. */
  get isPlain() {
    if (this.by !== "cluster") return false;
    return this.#points.clusters.every((cluster) => cluster < 0);
  }

  /** Fills `colours` with each point's place in the palette. */
  paint(colours) {
    const { length } = this.#points;
    const steps = this.kind === "steps";
    const range = this.high - this.low || 1;
    const plain = this.isPlain ? groupColour(0) : NONE;
    for (let i = 0; i < length; i += 1) {
      if (steps) {
        colours[i] = stepColour((this.#numberOf(i) - this.low) / range);
      } else {
        const group = this.groupOf(i);
        const faded = this.chosen !== null && group !== this.chosen;
        colours[i] = faded ? FADED : group < 0 ? plain : groupColour(group);
      }
    }
    if (!this.selected) return;
    const kept = new Set(this.selected);
    for (let i = 0; i < length; i += 1) if (!kept.has(i)) colours[i] = FADED;
  }

  /** Groups by size: `{number, size}`, of the points that are here. */
  sizes() {
    const counts = new Map();
    for (let i = 0; i < this.#points.length; i += 1) {
      const group = this.groupOf(i);
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return [...counts]
      .map(([number, size]) => ({ number, size }))
      .sort((a, b) => Number(a.number < 0) - Number(b.number < 0) || b.size - a.size);
  }
}
