/** Which part of the map is seen: from places on the map to pixels and back. */

const CLOSEST = 4000;

export class Camera {
  /** Centre of what is seen, on the map. */
  x = 0;
  y = 0;
  /** Pixels for one unit of the map. */
  scale = 1;
  width = 1;
  height = 1;
  #bounds;

  /** @param {[number, number, number, number]} bounds left, low, right, high of the whole map */
  constructor(bounds) {
    this.#bounds = bounds;
  }

  /** Pixels for one unit where the whole map is just seen. */
  get whole() {
    const [left, low, right, high] = this.#bounds;
    return (0.94 * Math.min(this.width, this.height)) / Math.max(right - left, high - low);
  }

  /** How many times the whole map. */
  get zoom() {
    return this.scale / this.whole;
  }

  /** The whole map. */
  reset() {
    const [left, low, right, high] = this.#bounds;
    Object.assign(this, { x: (left + right) / 2, y: (low + high) / 2, scale: this.whole });
  }

  /** Another size of the picture, in pixels; what is seen stays in the middle. */
  resize(width, height) {
    const zoom = this.zoom;
    Object.assign(this, { width, height });
    this.scale = zoom * this.whole;
  }

  /** Moves by pixels. */
  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
    this.#keepInside();
  }

  /** Zooms by a factor so that what is at a pixel stays there. */
  zoomAt(px, py, factor) {
    const [x, y] = this.toMap(px, py);
    const least = this.whole * 0.8;
    this.scale = Math.max(least, Math.min(this.whole * CLOSEST, this.scale * factor));
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y + (py - this.height / 2) / this.scale;
    this.#keepInside();
  }

  /** Shows a box of the map, with some room around it. */
  showBox([left, low, right, high]) {
    const side = Math.max(right - left, 1e-9);
    const rise = Math.max(high - low, 1e-9);
    const scale = 0.8 * Math.min(this.width / side, this.height / rise);
    this.scale = Math.min(scale, this.whole * CLOSEST);
    Object.assign(this, { x: (left + right) / 2, y: (low + high) / 2 });
  }

  #keepInside() {
    const [left, low, right, high] = this.#bounds;
    this.x = Math.max(left, Math.min(right, this.x));
    this.y = Math.max(low, Math.min(high, this.y));
  }

  /** The place at a pixel; the map's y rises upward. */
  toMap(px, py) {
    return [
      this.x + (px - this.width / 2) / this.scale,
      this.y - (py - this.height / 2) / this.scale,
    ];
  }

  /** The pixel of a place. */
  toPixel(x, y) {
    return [
      (x - this.x) * this.scale + this.width / 2,
      (this.y - y) * this.scale + this.height / 2,
    ];
  }

  /** Left, low, right, high of what is seen. */
  get box() {
    const [left, high] = this.toMap(0, 0);
    const [right, low] = this.toMap(this.width, this.height);
    return [left, low, right, high];
  }
}
