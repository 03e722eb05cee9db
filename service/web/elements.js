/**
 * Building the page's elements. Text always becomes a text node: nothing a document or a query
 * holds can turn into markup, because no function here reads markup.
 */

const SVG = "http://www.w3.org/2000/svg";
const ICONS = new URL("icons.svg", import.meta.url).pathname;

/** Attributes that run code or set markup; data must never choose them. */
const REFUSED = /^(on|style$|srcdoc$)/i;

/**
 * An element with attributes, listeners and children.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on` holds listeners by event, `data` the data
 *   set; null, undefined and false leave an attribute out, true sets it empty.
 * @param {...(Node | string | number | null | undefined | false | Array)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(made.dataset, value);
    } else {
      setAttribute(made, name, value);
    }
  }
  fill(made, children);
  return made;
}

/** Sets or, for null, undefined and false, removes an attribute. */
export function setAttribute(target, name, value) {
  if (REFUSED.test(name)) throw new TypeError(`attribute ${name} is not set from here`);
  if (value === null || value === undefined || value === false) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : String(value));
}

/** Appends children; strings and numbers become text nodes, empty values nothing. */
export function fill(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces all children of `parent`. */
export function refill(parent, ...children) {
  parent.replaceChildren();
  fill(parent, children);
}

/** A symbol of icons.svg, hidden from screen readers (the text beside it speaks). */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  picture.append(use);
  return picture;
}

/** The element of that id; the page's own markup holds it. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}

/** Text in parts: `{text, hit}`, the hits as `<mark>`. */
export function marked(parts) {
  return parts.map(({ text, hit }) => (hit ? element("mark", {}, text) : text));
}

/** Does `render` and puts the focus back on the control with the same `data-focus`. */
export function keepingFocus(root, render) {
  const key = root.contains(document.activeElement)
    ? document.activeElement.dataset.focus
    : undefined;
  render();
  if (key === undefined) return;
  const again = [...root.querySelectorAll("[data-focus]")].find(
    (node) => node.dataset.focus === key,
  );
  again?.focus();
}
