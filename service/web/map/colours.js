/** What points are coloured by, and with which colours. */

/** Colours of groups; further groups begin again from the first. */
const GROUPS = 24;
const STEPS = 32;

/** No group, no score. */
export const NONE = 0;
/** Not among what is chosen. */
export const FADED = 255;

/** sRGB as 0xBBGGRR of OKLCH (Ottosson, "A perceptual color space for image processing", 2020). */
function oklch(lightness, chroma, hue) {
  const angle = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const [red, green, blue] = linear.map((part) => {
    const clear = Math.max(0, Math.min(1, part));
    const encoded = clear <= 0.0031308 ? 12.92 * clear : 1.055 * clear ** (1 / 2.4) - 0.055;
    return Math.round(encoded * 255);
  });
  return (blue << 16) | (green << 8) | red;
}

/** 0xBBGGRR of `rgb(r, g, b)`, as browsers tell computed colours. */
export function fromCss(text) {
  const [red, green, blue] = text.match(/[\d.]+/g).map(Number);
  return (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red);
}

/** `rgb(r g b)` of 0xBBGGRR. */
export function toCss(colour) {
  return `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
}

function mixed(colour, other, part) {
  const channel = (shift) =>
    Math.round(((colour >> shift) & 255) * part + ((other >> shift) & 255) * (1 - part)) << shift;
  return channel(0) | channel(8) | channel(16);
}

/**
 * The palette: none first, groups or steps from 1 on, faded last.
 *
 * @param {"groups" | "steps"} kind
 * @param {boolean} dark
 * @param {number} paper below the points
 */
export function paletteOf(kind, dark, paper) {
  const palette = new Uint32Array(256);
  const grey = oklch(dark ? 0.55 : 0.72, 0.01, 180);
  palette[NONE] = grey;
  palette[FADED] = mixed(grey, paper, 0.28);
  const count = kind === "groups" ? GROUPS : STEPS;
  for (let at = 0; at < count; at += 1) {
    const part = at / (count - 1);
    palette[at + 1] =
      kind === "groups"
        ? oklch((dark ? 0.76 : 0.6) + (at % 3) * 0.05 - 0.05, 0.14, (165 + at * 137.508) % 360)
        : oklch(dark ? 0.45 + 0.4 * part : 0.82 - 0.3 * part, 0.05 + 0.12 * part, 200 - 165 * part);
  }
  return palette;
}

/** The palette's place for the group of a number, -1: none. */
export function groupColour(group) {
  return group < 0 ? NONE : (group % GROUPS) + 1;
}

/** The palette's place for a share from 0 to 1, NaN: none. */
export function stepColour(share) {
  if (Number.isNaN(share)) return NONE;
  return Math.round(Math.max(0, Math.min(1, share)) * (STEPS - 1)) + 1;
}
