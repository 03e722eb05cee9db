// Not a module: it runs before the first paint, so that a dark page never flashes light.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem("meari.theme");
  } catch {
    // Storage is forbidden: the system's colours.
  }
  document.documentElement.dataset.theme = ["light", "dark"].includes(stored) ? stored : "system";
})();
