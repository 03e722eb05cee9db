/** A map that was drawn: its picture, its legend, what was chosen on it, and the same as a table. */

import * as api from "../api.js";
import { roomLink } from "../document_item.js";
import { element, icon, keepingFocus, refill, setAttribute } from "../elements.js";
import { display } from "../search/cards.js";
import { Fields } from "../search/fields.js";
import { errorNotice } from "../notices.js";
import { tabList } from "../tabs.js";
import { day } from "../measures.js";
import { number, say } from "../words.js";
import { Colouring } from "./colouring.js";
import { Details } from "./details.js";
import { groupLegend, stepLegend } from "./legend.js";
import { ALL_UP_TO, Loading } from "./loading.js";
import { Picture } from "./picture.js";
import { Points } from "./points.js";
import { MapTable } from "./table.js";

const SAMPLE = 200;
const VALUES_PATH = "/v1/collections/{collection}/map/values";

export class Chart {
  #frame;
  #stop = new AbortController();
  #error = null;
  #drawing = false;
  #whole = false;
  #painting = 0;
  #fields = [];
  #tab = "picture";

  /**
   * @param {object} frame
   * @param {object} answer of the map
   * @param {{cluster?: string}} wanted by the address: a topic to show alone
   */
  constructor(frame, answer, wanted) {
    this.#frame = frame;
    this.answer = answer;
    this.collection = frame.collection.name;
    this.points = new Points(answer.points, answer.bounds);
    this.colouring = new Colouring(this.points);
    this.names = new Map(answer.labels.map(({ cluster, label }) => [cluster, label]));
    this.details = new Details(frame, this);
    this.table = new MapTable(this);
    this.picture = new Picture(this.points, {
      hovered: (point, x, y) => this.#hover(point, x, y),
      picked: (point) => this.#pick(point),
      selected: (points) => this.select(points),
      looked: (box, scale) => this.#look(box, scale),
      named: (cluster) => this.#choose(cluster),
    });
    this.picture.labels = answer.labels;
    this.#build();
    this.#load(wanted);
    this.#learnFields();
  }

  #build() {
    this.tools = element("div", { class: "map-tools" });
    this.legend = element("div", { class: "map-legend" });
    this.pictures = element(
      "div",
      { class: "map-stage" },
      this.picture.node,
      this.details.tip,
      element("p", { class: "hint map-keys", id: "map-keys" }),
    );
    this.tabs = element("div", {});
    this.node = element(
      "section",
      { class: "map", "aria-label": say("room_map") },
      element("div", { class: "map-bar" }, this.tabs, this.tools),
      this.pictures,
      this.table.node,
      element("aside", { class: "map-side" }, this.legend, this.details.node),
    );
  }

  #renderTabs() {
    const tabs = [
      { id: "picture", name: say("map_tab_picture"), panel: this.pictures },
      { id: "table", name: say("map_tab_table"), panel: this.table.node },
    ];
    const onChoose = (id) => this.#show(id);
    keepingFocus(this.tabs, () =>
      refill(this.tabs, tabList(tabs, { label: say("map_tabs"), chosen: this.#tab, onChoose })),
    );
  }

  #show(tab) {
    this.#tab = tab;
    if (tab === "table") this.table.show(this.picture.camera);
  }

  #load({ cluster }) {
    const enough = Math.min(this.answer.points, ALL_UP_TO);
    const added = () => {
      this.#paintSoon();
      if (cluster !== undefined && this.points.length >= enough) this.#choose(Number(cluster));
    };
    this.loading = new Loading(this.answer, this.points, {
      fetch: (tile, signal) => api.mapTile(this.collection, tile, signal),
      added,
      failed: (error) => {
        this.#error = error;
        this.render();
      },
      signal: this.#stop.signal,
    });
  }

  async #learnFields() {
    if (!this.#frame.paths.has(VALUES_PATH)) return;
    try {
      const fields = new Fields();
      fields.learn(await api.firstDocuments(this.collection, SAMPLE, this.#stop.signal));
      this.#fields = fields.list().filter(({ few }) => few);
      this.#renderTools();
    } catch {
      // Colours by field are not offered; the map itself says what fails.
    }
  }

  /** Leaves the page. */
  close() {
    this.#stop.abort();
    this.picture.close();
  }

  #look(box, scale) {
    this.loading?.look(box, scale);
    if (this.#tab === "table") this.table.show(this.picture.camera);
  }

  /** Paints once for all tiles that come until the next frame. */
  #paintSoon() {
    this.#painting ||= requestAnimationFrame(() => {
      this.#painting = 0;
      if (!this.#stop.signal.aborted) this.#paint();
    });
  }

  #paint() {
    this.picture.kind = this.colouring.kind;
    this.colouring.paint(this.picture.colours);
    this.picture.redraw();
    this.#renderLegend();
    this.picture.describe(this.points.length);
  }

  async #colourBy(by) {
    const plain = by === "cluster" || by === "score";
    try {
      const field = plain ? null : await api.mapValues(this.collection, by, this.#stop.signal);
      this.colouring.choose(by, field);
      this.field = field;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#error = error;
    }
    this.render();
  }

  #choose(group) {
    this.colouring.chosen = group;
    this.colouring.selected = null;
    this.#paint();
    if (group === null) return;
    const members = [];
    for (let i = 0; i < this.points.length; i += 1)
      if (this.colouring.groupOf(i) === group) members.push(i);
    this.picture.show(members);
    this.details.showGroup(group, members);
  }

  #hover(point, x, y) {
    this.picture.marked = point;
    this.details.hover(point, x, y);
  }

  #pick(point) {
    this.picture.marked = point;
    if (point >= 0) this.details.showPoint(point);
    else this.select(null);
  }

  /** Shows those points alone in colour; null or none: all again. */
  select(points) {
    const some = points?.length ? points : null;
    this.colouring.selected = some;
    this.colouring.chosen = null;
    this.#paint();
    if (some) this.details.showPoints(some);
    else this.details.clear();
  }

  /** The name of a point's group, empty for none. */
  groupName(group) {
    if (group < 0) return say(this.colouring.by === "cluster" ? "no_topic" : "no_value");
    if (this.colouring.by === "cluster") return this.names.get(group) ?? String(group);
    return display(this.field.values[group]);
  }

  render() {
    this.#renderTabs();
    this.#renderTools();
    this.#paint();
    this.pictures.querySelector(".map-keys").textContent = say("map_keys");
    this.details.render();
  }

  #renderTools() {
    keepingFocus(this.tools, () =>
      refill(
        this.tools,
        this.#error && errorNotice(this.#error, () => this.#frame.start()),
        this.#colourChooser(),
        this.#button("lasso", "map_lasso", () => this.#toggleDrawing(), this.#drawing),
        this.#button("zoom-in", "map_zoom_in", () => this.picture.zoom(1.6)),
        this.#button("zoom-out", "map_zoom_out", () => this.picture.zoom(1 / 1.6)),
        this.#button("whole", "map_whole", () => {
          this.select(null);
          this.picture.reset();
        }),
      ),
    );
  }

  #colourChooser() {
    const options = [
      ["cluster", say("map_by_cluster")],
      ["score", say("map_by_score")],
      ...this.#fields.map(({ key }) => [key, key]),
    ];
    const choose = ({ target }) => this.#colourBy(target.value);
    const select = element(
      "select",
      { data: { focus: "colour" }, on: { change: choose } },
      options.map(([value, text]) => element("option", { value }, text)),
    );
    select.value = this.colouring.by;
    return element("label", { class: "choice" }, say("map_colour"), select);
  }

  #button(picture, word, onClick, pressed) {
    const made = element(
      "button",
      { type: "button", class: "round", title: say(word), data: { focus: word }, on: { click: onClick } },
      icon(picture),
      element("span", { class: "hidden" }, say(word)),
    );
    if (pressed !== undefined) setAttribute(made, "aria-pressed", String(pressed));
    return made;
  }

  #toggleDrawing() {
    this.#drawing = !this.#drawing;
    this.picture.drawing = this.#drawing;
    this.#renderTools();
  }

  #renderLegend() {
    const { colouring, picture } = this;
    // Before it is on the page, a canvas has no colours to draw on.
    if (!picture.canvas.isConnected) return;
    const { palette } = picture;
    keepingFocus(this.legend, () => refill(this.legend, this.#legend(colouring, palette)));
  }

  /** Why all points have one colour, and where topics are found. */
  #noTopics() {
    const offered = this.#frame.offered.includes("clusters");
    const place = { room: "clusters", collection: this.collection };
    return element(
      "div",
      {},
      element("p", { class: "hint" }, say("map_no_topics")),
      offered && roomLink(this.#frame, place, say("ask_clusters")),
    );
  }

  #legend(colouring, palette) {
    if (colouring.kind === "steps") {
      const label = colouring.by === "score" ? say("map_by_score") : colouring.by;
      const write = (value) => (colouring.isTime ? day(value * 1000) : number(value, 2));
      return stepLegend([write(colouring.low), write(colouring.high)], palette, label);
    }
    const sizes = colouring.sizes();
    if (colouring.isPlain) return this.#noTopics();
    const groups = sizes.map((each) => ({ ...each, name: this.groupName(each.number) }));
    return groupLegend(groups, palette, {
      chosen: colouring.chosen,
      whole: this.#whole,
      onChoose: (group) => this.#choose(group),
      onWhole: () => {
        this.#whole = true;
        this.#renderLegend();
      },
    });
  }
}
