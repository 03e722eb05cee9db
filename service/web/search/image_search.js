/** Asking with a picture: dropped, pasted or chosen; and pictures among the matches. */

import * as api from "../api.js";
import { byId, element, icon, refill, setAttribute } from "../elements.js";
import { hasKey } from "../key.js";
import { say } from "../words.js";

/** A larger file is made smaller before it is sent: encoders look at a few hundred pixels. */
const SENT_AS_IT_IS = 1_500_000;
const LONGEST_SIDE = 1_024;
const PREVIEW_SIDE = 56;

/** True if the collection's encoder reads pictures. */
export function readsImages(collection) {
  return collection?.encoder.modalities?.includes("image") ?? false;
}

/**
 * Where pictures are dropped, below the search bar; there for collections of pictures alone.
 */
export class ImageSearch {
  #onPicture;
  #onFailure;
  #known = null;
  #input = element("input", {
    type: "file",
    id: "picture",
    class: "hidden",
    accept: "image/jpeg,image/png,image/webp,image/gif",
    on: { change: () => this.#take(this.#input.files[0]) },
  });
  #zone = element("div", { class: "drop", id: "drop", hidden: true });

  /**
   * @param {(picture: {name: string, data: string} | null) => void} onPicture told of a picture to
   *   ask with, its file as a data address; null takes it back.
   * @param {(message: string) => void} onFailure told why a file is none.
   */
  constructor(onPicture, onFailure) {
    this.#onPicture = onPicture;
    this.#onFailure = onFailure;
    byId("bar").after(this.#zone);
    const room = byId("search");
    for (const kind of ["dragenter", "dragover"]) {
      room.addEventListener(kind, (event) => this.#hover(event));
    }
    room.addEventListener("dragleave", (event) => {
      if (!room.contains(event.relatedTarget)) this.#zone.classList.remove("over");
    });
    room.addEventListener("drop", (event) => this.#drop(event));
    document.addEventListener("paste", (event) => {
      if (this.#zone.hidden) return;
      const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
      if (file) this.#take(file);
    });
  }

  /** Shows the place to drop on, or the picture that is asked with. */
  show({ collection, question }) {
    this.#zone.hidden = !readsImages(collection);
    const wanted = [question.picture, say("image_drop")];
    if (this.#known && wanted.every((part, at) => part === this.#known[at])) return;
    this.#known = wanted;
    if (question.picture) return refill(this.#zone, chosen(question.picture, this.#onPicture));
    return refill(
      this.#zone,
      element("label", { for: "picture" }, icon("picture"), element("span", {}, say("image_drop"))),
      this.#input,
    );
  }

  #hover(event) {
    if (this.#zone.hidden || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.#zone.classList.add("over");
  }

  #drop(event) {
    if (this.#zone.hidden || !event.dataTransfer.files.length) return;
    event.preventDefault();
    this.#zone.classList.remove("over");
    this.#take(event.dataTransfer.files[0]);
  }

  async #take(file) {
    if (!file) return;
    try {
      const data = await asAddress(file.size > SENT_AS_IT_IS ? await smaller(file) : file);
      const preview = await draw(file, PREVIEW_SIDE);
      this.#onPicture(Object.freeze({ name: file.name || say("image_pasted"), data, preview }));
    } catch {
      this.#onFailure(say("image_unreadable", { name: file.name }));
    } finally {
      this.#input.value = "";
    }
  }
}

function chosen({ name, preview }, onPicture) {
  const label = say("image_remove", { name });
  return [
    preview,
    element("span", { class: "name" }, say("image_like", { name })),
    element(
      "button",
      {
        type: "button",
        class: "round",
        title: label,
        "aria-label": label,
        on: { click: () => onPicture(null) },
      },
      icon("close"),
    ),
  ];
}

/** The picture of a match, to be asked with in its turn. */
export function thumbnail(match, { collection, onJudge }) {
  return element(
    "button",
    {
      type: "button",
      class: "thumbnail",
      title: say("like"),
      on: { click: () => onJudge(match, "like") },
    },
    hasKey() ? drawn(match, collection) : shown(match, collection),
  );
}

function shown({ id, title, text, image: { width, height } }, collection) {
  return element("img", {
    src: api.thumbnailAddress(collection, id),
    alt: text || title || id,
    loading: "lazy",
    decoding: "async",
    width,
    height,
  });
}

/** The picture on a canvas: an <img> would ask without the key, and so be refused. */
function drawn({ id, title, text, image: { width, height } }, collection) {
  const canvas = element("canvas", { role: "img", "aria-label": text || title || id, width, height });
  api
    .thumbnail(collection, id)
    .then((file) => createImageBitmap(file))
    .then((bitmap) => {
      Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      canvas.dataset.drawn = "";
      bitmap.close();
    })
    .catch(() => {}); // like an <img>: its words stand there
  return canvas;
}

/** Shows matches as a grid of pictures, or one below the other. */
export function arrange(cards, matches) {
  const pictured = matches.length > 0 && matches.every(({ image }) => image);
  cards.classList.toggle("pictures", pictured);
  setAttribute(cards, "data-pictures", pictured || null);
}

function asAddress(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}

/** The picture as a JPEG that a network loses nothing of. */
async function smaller(file) {
  const canvas = await draw(file, LONGEST_SIDE);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

/** The picture, upright, on a canvas whose longer side is at most so long. */
async function draw(file, side) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const share = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", {
    width: Math.max(1, Math.round(bitmap.width * share)),
    height: Math.max(1, Math.round(bitmap.height * share)),
  });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}
