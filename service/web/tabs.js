/** Tabs: one of several panels is shown (the ARIA pattern: arrows move, the rest is out of the way). */

import { element } from "./elements.js";

/**
 * @param {{id: string, name: string, panel: HTMLElement}[]} tabs
 * @param {{label: string, chosen: string, onChoose: (id: string) => void}} how
 * @returns {HTMLElement} the list of tabs; panels are shown and hidden where they stand
 */
export function tabList(tabs, { label, chosen, onChoose }) {
  const buttons = tabs.map(({ id, name, panel }) => {
    panel.id = `panel-${id}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${id}`);
    return element(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${id}`,
        "aria-controls": panel.id,
        data: { focus: `tab-${id}` },
        on: { click: () => choose(id) },
      },
      name,
    );
  });
  const show = (id) => {
    for (const [at, tab] of tabs.entries()) {
      const on = tab.id === id;
      buttons[at].setAttribute("aria-selected", String(on));
      buttons[at].tabIndex = on ? 0 : -1;
      tab.panel.hidden = !on;
    }
  };
  const choose = (id) => {
    show(id);
    onChoose(id);
  };
  const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  const press = (event) => {
    if (!(event.key in step)) return;
    event.preventDefault();
    const now = buttons.findIndex((button) => button.getAttribute("aria-selected") === "true");
    const wanted = step[event.key];
    const wrapped = (now + wanted + buttons.length) % buttons.length;
    const at = Number.isFinite(wanted) ? wrapped : wanted < 0 ? 0 : buttons.length - 1;
    choose(tabs[at].id);
    buttons[at].focus();
  };
  show(chosen);
  return element(
    "div",
    { class: "switch", role: "tablist", "aria-label": label, on: { keydown: press } },
    buttons,
  );
}
