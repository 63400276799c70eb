// The views of the open trace, of which one is shown at a time.

/** @param {(panel: string) => void} shown called when the user chose another view */
function traceViews(shown) {
  const tabs = /** @type {HTMLElement[]} */ ([...$("views").children]);
  let current = /** @type {HTMLElement} */ (tabs[0]);

  /** @param {HTMLElement} tab */
  function choose(tab) {
    current = tab;
    for (const other of tabs) {
      const on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      $(panelOf(other)).hidden = !on;
    }
    $("zoom").hidden = panelOf(tab) !== "timeline";
    shown(panelOf(tab));
  }

  for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
  $("views").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(current) + step + tabs.length) % tabs.length];
    if (next) choose(next);
    current.focus();
  });
  return {
    current: () => panelOf(current),
    /** @param {string} panel */
    choose(panel) {
      const tab = tabs.find((other) => panelOf(other) === panel);
      if (tab && tab !== current) choose(tab);
    },
  };
}

/** @param {HTMLElement} tab */
function panelOf(tab) {
  return tab.getAttribute("aria-controls") ?? "";
}
