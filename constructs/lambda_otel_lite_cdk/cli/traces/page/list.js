// The list of traces, with search and filters.

/**
 * @param {() => Trace[]} all the traces, in any order
 * @param {(trace: Trace) => void} choose called when the user picks a trace
 */
function traceList(all, choose) {
  /** @type {Trace[]} */
  let traces = [];
  let longest = 0;
  const list = windowed($("traces"), row, choose);
  /** @type {["errors" | "cold", HTMLElement][]} */
  const filters = [["errors", $("only-errors")], ["cold", $("only-cold")]];
  /** @type {Trace | null} */
  let current = null;

  /** @param {Trace} trace */
  function row(trace) {
    const bar = element("div", { class: `fill ${trace.errors ? "failed" : ""}` });
    bar.style.width = `${Math.max(1, (100 * trace.length) / longest)}%`;
    const when = clock(trace.start);
    return element(
      "div", { class: "row", role: "option" },
      element("div", { class: "line" },
        element("span", { class: "name" }, trace.root.name || "(no name)"),
        trace.errors ? element("span", { class: "badge failed" }, plural(trace.errors, "error")) : null,
        trace.cold ? element("span", { class: "badge cold" }, trace.cold > 1 ? `${trace.cold} cold` : "cold") : null,
        element("span", { class: "took" }, duration(trace.length))),
      element("div", { class: "line dim" },
        element("span", { class: "name" },
          ...trace.services.slice(0, 8).map((name) => element("i", { class: `dot ${colour(name)}`, title: name })),
          ` ${trace.services.join(", ")}`),
        element("span", {}, `${plural(trace.spans.length, "span")}\u00A0·\u00A0`),
        element("time", { title: `${when.day} ${when.time}` }, when.time)),
      element("div", { class: "track" }, bar));
  }

  function filter() {
    list.set(shown(), current);
  }

  /** Take what has come, and leave what can be seen where it is. */
  function refresh() {
    traces = all().toSorted((a, b) => compare(b.start, a.start));
    longest = traces.reduce((most, trace) => Math.max(most, trace.length), 0);
    for (const [name, button] of filters) {
      const number = button.querySelector("span");
      if (number) number.textContent = String(traces.filter((trace) => trace[name]).length);
    }
    list.update(shown());
  }

  function shown() {
    const words = $("search").value.toLowerCase().split(/\s+/u).filter(Boolean);
    const wanted = filters.filter(([, button]) => isPressed(button));
    const found = traces.filter((trace) => wanted.every(([name]) => trace[name]) && matches(trace, words));
    $("count").textContent = found.length === traces.length
      ? plural(traces.length, "trace")
      : `${found.length} of ${plural(traces.length, "trace")}`;
    return found;
  }

  for (const [, button] of filters) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(!isPressed(button)));
      filter();
    });
  }
  $("search").addEventListener("input", filter);
  return {
    refresh,
    /** @param {Trace | null} trace */
    select(trace) { current = trace; list.select(trace); },
    current: list.current,
    first: () => traces[0] ?? null,
  };
}

/** @param {HTMLElement} button */
function isPressed(button) {
  return button.getAttribute("aria-pressed") === "true";
}
