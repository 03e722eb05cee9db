/** Mouse, fingers and keys on the map, as what they mean. */

const CLICK_PIXELS = 4;
const KEY_PIXELS = 60;
const KEY_ZOOM = 1.5;

/**
 * Wires a canvas.
 *
 * @param {HTMLElement} canvas
 * @param {{pan: Function, zoom: Function, hover: Function, pick: Function, draw: Function,
 *   drawn: Function, reset: Function, middle: Function, isDrawing: () => boolean}} meaning
 *   `pan(dx, dy)`, `zoom(px, py, factor)`, `hover(px, py)` or `hover(null)`, `pick(px, py)`,
 *   `draw(px, py, first)` while a line is drawn, `drawn()` at its end, `reset()`, `middle()`:
 *   pick what is in the middle; `isDrawing()`: dragging draws
 */
export function startPointing(canvas, meaning) {
  const held = new Map();
  let moved = 0;
  let drawing = false;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = 0;
    drawing = held.size === 1 && (meaning.isDrawing() || event.shiftKey);
    if (drawing) meaning.draw(event.offsetX, event.offsetY, true);
  });
  canvas.addEventListener("pointermove", (event) => {
    const { pointerId, offsetX: x, offsetY: y } = event;
    const before = held.get(pointerId);
    if (!before) {
      meaning.hover(x, y);
      return;
    }
    moved += Math.hypot(x - before[0], y - before[1]);
    if (drawing) meaning.draw(x, y, false);
    else if (held.size === 1) meaning.pan(x - before[0], y - before[1]);
    else if (held.size === 2) pinch(held, pointerId, [x, y], meaning);
    held.set(pointerId, [x, y]);
  });
  const end = (event) => {
    if (!held.delete(event.pointerId)) return;
    if (drawing) meaning.drawn();
    else if (moved < CLICK_PIXELS && event.type === "pointerup" && !held.size)
      meaning.pick(event.offsetX, event.offsetY);
    drawing = false;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => meaning.hover(null));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 : 1;
      meaning.zoom(event.offsetX, event.offsetY, Math.exp(-event.deltaY * lines * 0.0015));
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (press(event.key, canvas, meaning)) event.preventDefault();
  });
}

/** Two fingers: their middle stays where it is on the map, their distance is the zoom. */
function pinch(held, moving, now, meaning) {
  const [, still] = [...held].find(([id]) => id !== moving);
  const before = held.get(moving);
  const middle = [(now[0] + still[0]) / 2, (now[1] + still[1]) / 2];
  const was = Math.hypot(before[0] - still[0], before[1] - still[1]);
  meaning.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  meaning.zoom(...middle, Math.hypot(now[0] - still[0], now[1] - still[1]) / Math.max(was, 1));
}

function press(key, canvas, meaning) {
  const [x, y] = [canvas.clientWidth / 2, canvas.clientHeight / 2];
  const keys = {
    ArrowLeft: () => meaning.pan(KEY_PIXELS, 0),
    ArrowRight: () => meaning.pan(-KEY_PIXELS, 0),
    ArrowUp: () => meaning.pan(0, KEY_PIXELS),
    ArrowDown: () => meaning.pan(0, -KEY_PIXELS),
    "+": () => meaning.zoom(x, y, KEY_ZOOM),
    "=": () => meaning.zoom(x, y, KEY_ZOOM),
    "-": () => meaning.zoom(x, y, 1 / KEY_ZOOM),
    0: () => meaning.reset(),
    Enter: () => meaning.middle(),
  };
  keys[key]?.();
  return key in keys;
}
