// The list of traces, or of names of spans, with filters, order and histograms.

/** @type {Record<string, [string, (a: Trace, b: Trace) => number]>} */
const TRACE_ORDERS = {
  newest: ["Newest", (a, b) => compare(b.start, a.start)],
  oldest: ["Oldest", (a, b) => compare(a.start, b.start)],
  slowest: ["Slowest", (a, b) => b.length - a.length],
  errors: ["Most errors", (a, b) => b.errors - a.errors || compare(b.start, a.start)],
  spans: ["Most spans", (a, b) => b.spans.length - a.spans.length],
};

/** A pause in typing, after which many traces are worth looking through. */
const PAUSE_MS = 120;

/**
 * @param {ReturnType<typeof traceStore>} store
 * @param {(trace: Trace) => void} choose called when the user picks a trace
 * @param {() => void} searched called when the search or its marks changed
 * @param {() => void} filtered called when other traces are listed
 */
function traceList(store, choose, searched, filtered) {
  /** @type {Trace[]} */
  let traces = [];
  let longest = 0;
  let byName = false;
  const list = windowed($("traces"), row, choose);
  const names = windowed($("names"), groupRow, searchFor, true);
  /** @type {["errors" | "cold", HTMLElement][]} */
  const filters = [["errors", $("only-errors")], ["cold", $("only-cold")]];
  const times = histogram($("times"), {
    label: "Time", logarithmic: false,
    text: (ms) => { const { date, time } = clock(BigInt(Math.round(ms)) * 1000000n); return `${date} ${time.slice(0, 5)}`; },
  }, filter);
  const durations = histogram($("durations"), { label: "Duration", logarithmic: true, text: duration }, filter);
  /** @type {Trace | null} */
  let current = null;
  let soon = 0;
  /** @type {Trace[]} */
  let listed = [];
  const orders = { traces: "newest", names: "total" };

  /** @param {Trace} trace */
  function row(trace) {
    const fill = element("div", { class: `fill ${trace.errors ? "failed" : ""}` });
    fill.style.width = `${Math.max(1, (100 * trace.length) / longest)}%`;
    const when = clock(trace.start);
    const found = excerpt(trace);
    return element(
      "div", { class: "row", role: "option" },
      element("div", { class: "line" },
        element("span", { class: "name" }, ...marked(trace.root.name || "(no name)", "name")),
        trace.errors ? element("span", { class: "badge failed" }, plural(trace.errors, "error")) : null,
        trace.cold ? element("span", { class: "badge cold" }, trace.cold > 1 ? `${trace.cold} cold` : "cold") : null,
        element("span", { class: "took" }, duration(trace.length))),
      element("div", { class: "line dim" },
        element("span", { class: "name" },
          ...trace.services.slice(0, 8).map((name) => element("i", { class: `dot ${colour(name)}`, title: name })),
          " ", ...(found ? marked(found) : marked(trace.services.join(", "), "service"))),
        element("time", { title: `${when.day} ${when.time} ${when.zone}, ${plural(trace.spans.length, "span")}` },
          found ? when.date : `${when.date} ${when.time}`)),
      element("div", { class: "track" }, fill));
  }

  /** @param {Group} group */
  function searchFor(group) {
    searchWith(`service=${quoted(group.service)} name=${quoted(group.name)}`);
  }

  /** @param {string} text */
  function searchWith(text) {
    $("search").value = text;
    show(false);
    search();
    $("traces").focus();
  }

  /** Search when the typing pauses. */
  function searchSoon() {
    clearTimeout(soon);
    $("search").setAttribute("aria-busy", "true");
    soon = setTimeout(search, PAUSE_MS);
  }

  function search() {
    clearTimeout(soon);
    $("search").removeAttribute("aria-busy");
    searching.query = parseQuery($("search").value, store.hasAttribute);
    filter();
    searched();
  }

  function filter() {
    const found = select();
    if (byName) names.set(found.groups, null);
    else list.set(found.traces, current);
    filtered();
  }

  /** Take what has come, and leave what can be seen where it is. */
  function refresh() {
    traces = store.all();
    longest = traces.reduce((most, trace) => Math.max(most, trace.length), 0);
    for (const [name, button] of filters) {
      const number = button.querySelector("span");
      if (number) number.textContent = traces.filter((trace) => trace[name]).length.toLocaleString("en");
    }
    searching.query = parseQuery($("search").value, store.hasAttribute);
    const found = select();
    if (byName) names.update(found.groups);
    else list.update(found.traces);
    filtered();
  }

  /** Find what is asked for, and say how much that is. */
  function select() {
    const { query } = searching;
    const wanted = filters.filter(([, button]) => isPressed(button));
    const any = traces.filter((trace) => wanted.every(([name]) => trace[name]) && matches(trace, query));
    const inTime = any.filter((trace) => times.has(startOf(trace)));
    const ofLength = any.filter((trace) => durations.has(trace.length));
    times.draw(ofLength.map((trace) => ({ value: startOf(trace), failed: trace.errors > 0 })));
    durations.draw(inTime.map((trace) => ({ value: trace.length, failed: trace.errors > 0 })));
    const both = new Set(ofLength);
    listed = inTime.filter((trace) => both.has(trace)).toSorted(TRACE_ORDERS[orders.traces]?.[1]);
    const groups = byName ? groupByName(spansOf(listed, query)).toSorted(GROUP_ORDERS[orders.names]?.[1]) : [];
    tell(listed, groups);
    return { traces: listed, groups };
  }

  /**
   * @param {Trace[]} found
   * @param {Group[]} groups
   */
  function tell(found, groups) {
    const all = plural(traces.length, "trace");
    const of = found.length === traces.length ? all : `${found.length.toLocaleString("en")} of ${all}`;
    $("count").textContent = byName ? `${plural(groups.length, "name")} in ${of}` : of;
    $("empty").textContent = traces.length ? "Choose a trace." : "No traces yet. They are shown as they come.";
    $("none").hidden = found.length > 0 || !traces.length;
    $("none-why").textContent = searching.query.problem || (searching.query.fields.length || searching.query.words.length
      ? `No span matches ${$("search").value.trim()}.` : "No trace is left by these filters.");
    $("search").setAttribute("aria-invalid", String(searching.query.problem !== ""));
  }

  /** @param {boolean} names_ */
  function show(names_) {
    byName = names_;
    $("by-trace").setAttribute("aria-pressed", String(!byName));
    $("by-name").setAttribute("aria-pressed", String(byName));
    $("traces").hidden = byName;
    $("names").hidden = !byName;
    const kind = byName ? GROUP_ORDERS : TRACE_ORDERS;
    $("sort").replaceChildren(...Object.entries(kind).map(([value, [title]]) => element("option", { value }, title)));
    $("sort").value = orders[byName ? "names" : "traces"];
    filter();
  }

  for (const [, button] of filters) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(!isPressed(button)));
      filter();
    });
  }
  $("search").addEventListener("input", searchSoon);
  $("search").addEventListener("change", search);
  $("sort").addEventListener("change", () => { orders[byName ? "names" : "traces"] = $("sort").value; filter(); });
  $("by-trace").addEventListener("click", () => show(false));
  $("by-name").addEventListener("click", () => show(true));
  $("none-clear").addEventListener("click", () => {
    $("search").value = "";
    times.clear();
    durations.clear();
    for (const [, button] of filters) button.setAttribute("aria-pressed", "false");
    search();
    $("search").focus();
  });
  show(false);
  return {
    refresh,
    /** @param {Trace | null} trace */
    select(trace) { current = trace; list.select(trace); },
    /** @param {string} service */
    searchService(service) { searchWith(`service=${quoted(service)}`); },
    /** The traces that are found. */
    listed: () => listed,
    current: list.current,
    first: list.first,
  };
}

/** @param {string} text */
function quoted(text) {
  return `"${text.replaceAll('"', "")}"`;
}

/**
 * Unix time in ms.
 * @param {Trace} trace
 */
function startOf(trace) {
  return Number(trace.start / 1000n) / 1000;
}

/**
 * The spans that are counted by name: those that a search found, or all.
 * @param {Trace[]} traces
 * @param {Query} query
 */
function spansOf(traces, query) {
  return traces.flatMap((trace) => isEmpty(query) ? trace.spans : [...hits(trace, query)]);
}
