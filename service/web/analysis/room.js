/** What the rooms of topics, outliers, duplicates and change have in common. */

import { byId, element, keepingFocus, refill } from "../elements.js";
import { errorNotice, noCollectionNotice } from "../notices.js";
import { copy } from "../clipboard.js";
import { roomHead } from "../room_head.js";
import { say } from "../words.js";
import { Asking } from "./asking.js";
import { askingNotices, receiptPanel } from "./asking_view.js";

const PAGE = 50;

/** A room that shows the last result of an analysis, and asks for one. */
export class AnalysisRoom {
  needs;
  frame;
  #name;
  #shown = null;
  #last = null;

  /**
   * @param {object} frame
   * @param {string} name of the room
   * @param {{path?: string, options: import("./options.js").Options}} analysis
   */
  constructor(frame, name, { path = name, options }) {
    this.frame = frame;
    this.#name = name;
    this.needs = `/v1/collections/{collection}/${path}`;
    this.options = options;
    this.asking = new Asking(path, () => this.#changed());
  }

  /** Name of the collection that is shown. */
  get collection() {
    return this.frame.collection?.name ?? "";
  }

  /** The result, null while there is none. */
  get result() {
    return this.asking.result;
  }

  /** Reads what there is; the same collection again leaves it. */
  enter({ fresh }) {
    if (!fresh && this.#shown === this.collection) return this.arrived();
    this.#shown = this.collection;
    this.forget();
    if (!this.collection) return this.render();
    return this.asking.enter(this.collection, { limit: PAGE });
  }

  leave() {
    this.asking.leave();
    this.#shown = null;
  }

  /** Asks for the analysis anew. */
  ask() {
    return this.asking.ask(this.options.body, { limit: PAGE });
  }

  #changed() {
    if (this.result !== this.#last) {
      this.#last = this.result;
      this.forget();
      if (this.result) this.taken();
    }
    this.render();
  }

  render() {
    if (!this.frame.isShown(this)) return;
    document.title = `${say(`room_${this.#name}`)} · Meari 메아리`;
    const root = byId("room");
    keepingFocus(root, () => refill(root, this.#content()));
  }

  #content() {
    const { frame, asking } = this;
    const again = () => frame.start();
    const head = roomHead(frame, this.#name);
    if (frame.error) return [head, errorNotice(frame.error, again)];
    if (!frame.collections) return head;
    if (!frame.collections.length) return [head, noCollectionNotice(copy, again)];
    const onAsk = () => this.ask();
    const words = this.result ? say("make_again") : say(`ask_${this.#name}`);
    const parts = [
      askingNotices(asking, { room: this.#name, onAsk }),
      this.result && this.content(this.result),
      element(
        "div",
        { class: "made" },
        this.options.form(onAsk, { asked: words }),
        this.result && receiptPanel(this.result),
      ),
    ];
    return [head, this.frameOf(parts)];
  }

  /** What stands around the result; the parts themselves unless a room has more to show. */
  frameOf(parts) {
    return parts;
  }

  /** Called where the address changed within the room. */
  arrived() {
    this.render();
  }

  /** Forgets what was made of the last result. */
  forget() {}

  /** Called with a new result, before it is shown. */
  taken() {}

  /** The result on the screen. */
  content() {
    throw new Error("a room shows its result");
  }
}
