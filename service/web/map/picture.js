/** The map as a picture: points, names of clusters, a ring around one point, a line being drawn. */

import { element } from "../elements.js";
import { say } from "../words.js";
import { Camera } from "./camera.js";
import { fromCss, paletteOf } from "./colours.js";
import { startPointing } from "./pointing.js";
import { radiusFor, Raster } from "./raster.js";

const REACH_PIXELS = 12;
const RATIO_MOST = 2;
/** Names of topics that are shown at once, and the height each keeps free. */
const MOST_NAMES = 30;
const NAME_HEIGHT = 26;

export class Picture {
  /** Line drawn around points, in pixels; empty: none. */
  #line = [];
  #frame = 0;
  #marked = -1;
  #crosshair = false;
  #labels = [];
  #drawing = false;
  #kind = "groups";

  /**
   * @param {import("./points.js").Points} points
   * @param {{hovered: Function, picked: Function, selected: Function, looked: Function,
   *   named: Function}} told `hovered(point, px, py)`, -1: none; `picked(point)`;
   *   `selected(points)`; `looked(box, scale)` whenever another part is seen; `named(cluster)` when
   *   a name was pressed
   */
  constructor(points, told) {
    this.points = points;
    this.told = told;
    this.colours = new Uint8Array(points.capacity);
    this.camera = new Camera(points.bounds);
    this.canvas = element("canvas", {
      class: "map-points",
      tabindex: "0",
      role: "application",
      "aria-describedby": "map-keys",
    });
    this.over = element("canvas", { class: "map-over", "aria-hidden": "true" });
    this.names = element("div", { class: "map-names" });
    this.node = element("div", { class: "map-picture" }, this.canvas, this.over, this.names);
    this.raster = new Raster(this.canvas);
    this.#wire();
  }

  #wire() {
    const { camera } = this;
    const move = (change) => {
      change();
      this.told.hovered(-1);
      this.#moved();
    };
    startPointing(this.canvas, {
      pan: (dx, dy) => move(() => camera.pan(dx, dy)),
      zoom: (x, y, factor) => move(() => camera.zoomAt(x, y, factor)),
      reset: () => move(() => camera.reset()),
      hover: (x, y) => this.#hover(x, y),
      pick: (x, y) => this.told.picked(x === null ? -1 : this.#at(x, y)),
      middle: () => this.told.picked(this.#at(camera.width / 2, camera.height / 2, 80)),
      isDrawing: () => this.#drawing,
      draw: (x, y, first) => {
        this.#line = first ? [[x, y]] : [...this.#line, [x, y]];
        this.redraw();
      },
      drawn: () => {
        const corners = this.#line.map(([x, y]) => camera.toMap(x, y));
        this.#line = [];
        this.told.selected(this.points.inPolygon(corners));
        this.redraw();
      },
    });
    const cross = (on) => {
      this.#crosshair = on && this.canvas.matches(":focus-visible");
      this.redraw();
    };
    this.canvas.addEventListener("focus", () => cross(true));
    this.canvas.addEventListener("blur", () => cross(false));
    this.resizing = new ResizeObserver(() => this.#resize());
    this.resizing.observe(this.node);
  }

  /** Leaves the page. */
  close() {
    this.resizing.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** True: dragging draws a line around points; false: it moves the map. */
  set drawing(on) {
    this.#drawing = on;
    this.node.classList.toggle("drawing", on);
  }

  /** Names of clusters: `{cluster, label, x, y, level}`. */
  set labels(labels) {
    const press = ({ cluster }) => () => this.told.named(cluster);
    this.#labels = labels.map((each) => ({
      ...each,
      node: element(
        "button",
        { type: "button", class: "map-name", tabindex: "-1", on: { click: press(each) } },
        each.label,
      ),
    }));
    this.names.replaceChildren(...this.#labels.map(({ node }) => node));
    this.redraw();
  }

  /** How colours are to be read: `groups`, or `steps` of a number. */
  set kind(kind) {
    this.#kind = kind;
  }

  /** The colours points are drawn with, on the paper of today's theme. */
  get palette() {
    const paper = fromCss(getComputedStyle(this.canvas).backgroundColor);
    return paletteOf(this.#kind, (paper & 255) < 128, paper);
  }

  /** A ring around that point, -1: none. */
  set marked(point) {
    if (point === this.#marked) return;
    this.#marked = point;
    this.redraw();
  }

  /** Brings points into sight. */
  show(points) {
    if (!points.length) return;
    const { x, y } = this.points;
    const xs = points.map((i) => x[i]).sort((a, b) => a - b);
    const ys = points.map((i) => y[i]).sort((a, b) => a - b);
    const at = (sorted, part) => sorted[Math.floor(part * (sorted.length - 1))];
    this.camera.showBox([at(xs, 0.02), at(ys, 0.02), at(xs, 0.98), at(ys, 0.98)]);
    this.#moved();
  }

  /** Zooms around the middle. */
  zoom(factor) {
    this.camera.zoomAt(this.camera.width / 2, this.camera.height / 2, factor);
    this.#moved();
  }

  /** The whole map. */
  reset() {
    this.camera.reset();
    this.#moved();
  }

  #moved() {
    this.told.looked(this.camera.box, this.camera.scale);
    this.redraw();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.node;
    if (!width || !height) return;
    const first = this.camera.width === 1;
    this.camera.resize(width, height);
    if (first) this.camera.reset();
    this.#moved();
  }

  #at(x, y, reach = REACH_PIXELS) {
    return this.points.nearest(...this.camera.toMap(x, y), reach / this.camera.scale);
  }

  #hover(x, y) {
    const point = x === null || this.#line.length ? -1 : this.#at(x, y);
    this.told.hovered(point, x, y);
  }

  /** Draws with the next frame. */
  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const { camera, points } = this;
    if (camera.width === 1) return;
    const ratio = Math.min(devicePixelRatio, RATIO_MOST);
    const [width, height] = [camera.width, camera.height].map((side) => Math.round(side * ratio));
    this.raster.resize(width, height);
    const style = getComputedStyle(this.canvas);
    const seen = points.length / Math.max(1, (camera.scale / camera.whole) ** 2);
    this.raster.draw(points, camera, {
      ratio,
      paper: fromCss(style.backgroundColor),
      palette: this.palette,
      colours: this.colours,
      radius: radiusFor(seen),
    });
    this.#drawOver(width, height, ratio, style.color, radiusFor(seen));
    this.#placeNames();
    this.canvas.dataset.drawn = String(points.length);
  }

  #drawOver(width, height, ratio, ink, radius) {
    const { over, camera } = this;
    Object.assign(over, { width, height });
    const pen = over.getContext("2d");
    pen.scale(ratio, ratio);
    Object.assign(pen, { strokeStyle: ink, fillStyle: ink, lineWidth: 2 });
    if (this.#marked >= 0) {
      const i = this.#marked;
      pen.beginPath();
      pen.arc(...camera.toPixel(this.points.x[i], this.points.y[i]), radius + 4, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (this.#crosshair) {
      const [x, y] = [camera.width / 2, camera.height / 2];
      pen.fillRect(x - 10, y - 0.75, 20, 1.5);
      pen.fillRect(x - 0.75, y - 10, 1.5, 20);
    }
    if (this.#line.length > 1) {
      pen.setLineDash([5, 4]);
      pen.beginPath();
      for (const [x, y] of this.#line) pen.lineTo(x, y);
      pen.closePath();
      pen.stroke();
      pen.globalAlpha = 0.08;
      pen.fill();
    }
  }

  /** Names where they are, whole; the largest topic's first. One that would cover another is left out. */
  #placeNames() {
    const { camera } = this;
    const taken = [];
    for (const label of this.#labels) {
      const { node } = label;
      const [middle, y] = camera.toPixel(label.x, label.y);
      label.half ??= this.#halfOf(node);
      const inside = middle > 0 && y > 0 && middle < camera.width && y < camera.height;
      const x = Math.max(label.half, Math.min(middle, camera.width - label.half));
      const covers = ([px, py, half]) =>
        Math.abs(px - x) < half + label.half && Math.abs(py - y) < NAME_HEIGHT;
      const shown = inside && taken.length < MOST_NAMES && !taken.some(covers);
      node.hidden = !shown;
      if (!shown) continue;
      taken.push([x, y, label.half]);
      node.style.setProperty("--x", `${x.toFixed(1)}px`);
      node.style.setProperty("--y", `${y.toFixed(1)}px`);
    }
  }

  #halfOf(node) {
    node.hidden = false;
    return node.offsetWidth / 2;
  }

  /** Says what the picture shows, to those who do not see it. */
  describe(count) {
    this.canvas.setAttribute("aria-label", say("map_described", { n: count }));
  }
}

