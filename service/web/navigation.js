/** The way from room to room. */

import { byId, element, icon, keepingFocus, refill } from "./elements.js";
import { toAddress } from "./router.js";
import { say } from "./words.js";

export class Navigation {
  #go;

  /** @param {(place: object) => void} go */
  constructor(go) {
    this.#go = go;
  }

  /**
   * @param {string[]} rooms names of those there are
   * @param {string} current the one that is shown
   * @param {string} collection goes along
   */
  show(rooms, current, collection) {
    const root = byId("rooms");
    keepingFocus(root, () =>
      refill(
        root,
        rooms.map((room) => element("li", {}, this.#link({ room, collection }, current))),
      ),
    );
    root.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #link(place, current) {
    const go = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.#go(place);
    };
    const attributes = {
      href: toAddress(place),
      "aria-current": place.room === current ? "page" : null,
      data: { focus: place.room },
      on: { click: go },
    };
    return element("a", attributes, icon(`room-${place.room}`), say(`room_${place.room}`));
  }
}
