/** The frame around the rooms: what all of them know of the server, and which of them is shown. */

import * as api from "./api.js";
import { byId } from "./elements.js";
import { startHeader } from "./header.js";
import { Navigation } from "./navigation.js";
import { FIRST_ROOM, fromAddress, toAddress } from "./router.js";

const NOT_READY_MS = 2000;

/**
 * A room has `enter({address, place, fresh})`, which shows what the address asks (`fresh`: the
 * collections were read anew), `leave()`, and `render()`, which shows the same again in another
 * language. `needs` names the path of the HTTP interface without which the room is not offered.
 */
export class Frame {
  /** @type {object[] | null} null until the server has told. */
  collections = null;
  /** Why other collections cannot be opened, by name. */
  unusable = {};
  /** Why the collections could not be read. */
  error = null;
  /** What the server says while it is not ready yet. */
  waking = "";
  /** The ways of finding that searches can choose from. */
  modes = [];
  /** Paths of the HTTP interface, as OpenAPI writes them. */
  paths = new Set();
  place = fromAddress(location.search);
  #rooms = new Map();
  #shown = null;

  constructor() {
    this.navigation = new Navigation((place) => this.go(place));
    startHeader(() => this.render());
    byId("home").addEventListener("click", (event) => {
      event.preventDefault();
      this.go({ room: FIRST_ROOM, collection: this.collection?.name ?? "" });
      byId("query").focus();
    });
    addEventListener("popstate", () => this.#show());
  }

  /** Makes a room known under the name that addresses call it by. */
  add(name, room) {
    this.#rooms.set(name, room);
  }

  /** Loads the collections, then shows whatever the address asks. */
  async start() {
    Object.assign(this, { error: null, waking: "" });
    try {
      const described = api.description().catch(() => null);
      const { collections, unusable } = await api.collections();
      Object.assign(this, { collections, unusable });
      this.#learn(await described);
    } catch (error) {
      if (error.code === "not_ready") {
        this.waking = error.message;
        setTimeout(() => this.start(), NOT_READY_MS);
      } else {
        this.error = error;
      }
    }
    return this.#show(true);
  }

  /** Reads the collections anew, as after a write. */
  async refresh() {
    const { collections, unusable } = await api.collections();
    Object.assign(this, { collections, unusable });
    this.render();
  }

  #learn(described) {
    if (!described) return;
    this.paths = new Set(Object.keys(described.paths));
    this.modes = api.searchModes(described);
  }

  /** Goes to a place: into the address, and shown. */
  go(place, how = "pushState") {
    history[how](null, "", toAddress(place));
    return this.#show();
  }

  /** Goes to an address's parameters, `?` first. */
  goTo(address) {
    history.pushState(null, "", address);
    return this.#show();
  }

  /** A room has changed the address by itself. */
  moved() {
    this.place = fromAddress(location.search);
    this.#renderNavigation();
  }

  /** The rooms this server has something for. */
  get offered() {
    const has = ({ needs }) => !needs || this.paths.has(needs);
    return [...this.#rooms].filter(([, room]) => has(room)).map(([name]) => name);
  }

  /** The collection of the address, else the first that holds something; undefined: none. */
  get collection() {
    const all = this.collections ?? [];
    const filled = all.find(({ documents }) => documents > 0) ?? all[0];
    return this.place.collection
      ? all.find(({ name }) => name === this.place.collection)
      : filled;
  }

  /** True if that room is on the screen; answers that come later are not to be shown in another. */
  isShown(room) {
    return this.#shown === room;
  }

  #show(fresh = false) {
    this.place = fromAddress(location.search);
    const name = this.offered.includes(this.place.room) ? this.place.room : FIRST_ROOM;
    const room = this.#rooms.get(name);
    if (this.#shown !== room) this.#shown?.leave();
    const moved = fresh || this.#shown !== room;
    this.#shown = room;
    byId("search").hidden = name !== FIRST_ROOM;
    byId("room").hidden = name === FIRST_ROOM;
    byId("skip").href = name === FIRST_ROOM ? "#results" : "#room";
    document.body.dataset.room = name;
    this.#renderNavigation(name);
    return room.enter({ address: location.search, place: this.place, fresh: moved });
  }

  #renderNavigation(name = document.body.dataset.room) {
    this.navigation.show(this.offered, name, this.collection?.name ?? "");
  }

  render() {
    this.#renderNavigation();
    this.#shown?.render();
  }
}
