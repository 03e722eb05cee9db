/** The map: every document a point, documents that are alike side by side. */

import { Asking } from "../analysis/asking.js";
import { askingNotices, receiptPanel } from "../analysis/asking_view.js";
import { byId, element, keepingFocus, refill } from "../elements.js";
import { roomHead } from "../room_head.js";
import { say } from "../words.js";
import { Chart } from "./chart.js";

export class MapRoom {
  needs = "/v1/collections/{collection}/map/tiles/{level}/{column}/{row}";
  #frame;
  #asking = new Asking("map", () => this.render());
  #chart = null;

  constructor(frame) {
    this.#frame = frame;
  }

  /** Shows the collection's map, or asks whether to draw one. */
  enter() {
    this.#close();
    const { collection } = this.#frame;
    this.render();
    return collection && this.#asking.enter(collection.name);
  }

  leave() {
    this.#asking.leave();
    this.#close();
  }

  #close() {
    this.#chart?.close();
    this.#chart = null;
  }

  render() {
    if (!this.#frame.isShown(this)) return;
    document.title = `${say("room_map")} · Meari 메아리`;
    const { result } = this.#asking;
    if (result && this.#chart?.answer !== result) {
      this.#close();
      this.#chart = new Chart(this.#frame, result, this.#frame.place.wanted);
    }
    const root = byId("room");
    keepingFocus(root, () => refill(root, this.#content()));
    this.#chart?.render();
  }

  #content() {
    const { result } = this.#asking;
    const onAsk = () => this.#asking.ask({});
    const again =
      result &&
      element(
        "button",
        { type: "button", class: "button", data: { focus: "again" }, on: { click: onAsk } },
        say("make_again"),
      );
    return [
      roomHead(this.#frame, "map", { tools: [again] }),
      askingNotices(this.#asking, { room: "map", onAsk }),
      this.#chart?.node,
      result && receiptPanel(result),
    ];
  }
}

