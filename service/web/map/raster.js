/**
 * Points as pixels. A hundred thousand small discs are a few million pixels, which plain JavaScript
 * writes in some milliseconds: quicker than a chart library fills its own structures, with nothing
 * to load, no graphics card to ask, and under a policy that forbids compiling code.
 */

const LARGEST = 4.2;
const SMALLEST = 1.3;

/** Radius in CSS pixels that suits so many points in sight. */
export function radiusFor(points) {
  return Math.max(SMALLEST, Math.min(LARGEST, 14 / Math.max(points, 1) ** 0.2));
}

/** How much of each pixel around the middle a disc covers, in 256ths, those it does not left out. */
function discOf(radius, width) {
  const reach = Math.ceil(radius);
  const steps = [];
  const cover = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const part = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));
      if (part > 0.05) {
        steps.push(dy * width + dx);
        cover.push(Math.round(part * 216));
      }
    }
  }
  return { reach, steps: Int32Array.from(steps), cover: Uint16Array.from(cover) };
}

export class Raster {
  #context;
  #image = null;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  /** Another size, in device pixels. */
  resize(width, height) {
    if (this.canvas.width === width && this.canvas.height === height && this.#image) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.#image = this.#context.createImageData(width, height);
  }

  /**
   * Draws points in their order, those behind the last above.
   *
   * @param {import("./points.js").Points} points
   * @param {import("./camera.js").Camera} camera in CSS pixels
   * @param {{ratio: number, paper: number, palette: Uint32Array, colours: Uint8Array,
   *   radius: number}} how `ratio` of device pixels to CSS pixels; `colours` holds each point's
   *   place in `palette`; colours are 0xBBGGRR
   */
  draw(points, camera, { ratio, paper, palette, colours, radius }) {
    const { width, height } = this.canvas;
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0xff000000 | paper);
    const { reach, steps, cover } = discOf(radius * ratio, width);
    const { x, y, length } = points;
    const scale = camera.scale * ratio;
    const [left, top] = [width / 2 - camera.x * scale, height / 2 + camera.y * scale];
    const [right, bottom] = [width - reach, height - reach];
    for (let i = 0; i < length; i += 1) {
      const px = Math.round(x[i] * scale + left);
      const py = Math.round(top - y[i] * scale);
      if (px < reach || py < reach || px >= right || py >= bottom) continue;
      blend(pixels, py * width + px, steps, cover, palette[colours[i]]);
    }
    this.#context.putImageData(this.#image, 0, 0);
  }
}

/** Lays a colour over the pixels around a place, red and blue at once in the even bytes. */
function blend(pixels, at, steps, cover, colour) {
  const even = colour & 0xff00ff;
  const odd = colour & 0x00ff00;
  for (let k = 0; k < steps.length; k += 1) {
    const place = at + steps[k];
    const under = pixels[place];
    const part = cover[k];
    const rest = 256 - part;
    pixels[place] =
      0xff000000 |
      ((((even * part + (under & 0xff00ff) * rest) >>> 8) & 0xff00ff) |
        (((odd * part + (under & 0x00ff00) * rest) >>> 8) & 0x00ff00));
  }
}
