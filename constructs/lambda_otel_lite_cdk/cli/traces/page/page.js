// Brings the parts together. What is shown is in the address, so that "back" works.

const store = traceStore();
/** @type {Trace | null} */
let openTrace = null;
/** @type {Span | null} */
let openSpan = null;

const list = traceList(store, (trace) => go(trace, null), () => showMarks(), () => {
  if (openTrace && views.current() === "map") map.show(openTrace);
});
const chart = waterfall((span) => go(openTrace, span));
const find = finder(chart.isFound, (span) => { views.choose("timeline"); go(openTrace, span); });
const lines = logLines((line, span) => { lines.mark(line); go(openTrace, span); showLine(line, span); });
const flame = flameView((span) => { views.choose("timeline"); go(openTrace, span); });
const map = serviceMap(() => list.listed().flatMap((trace) => trace.spans), (link) => store.span(link.trace_id, link.span_id), list.searchService);
const views = traceViews(drawView);
splitter();

/**
 * @param {Trace | null} trace
 * @param {Span | null} span
 */
function go(trace, span) {
  const hash = trace ? `#${trace.id}${span ? `/${span.span_id}` : ""}` : "#";
  // "Back" leaves a trace; it does not go back over moves within one.
  if (trace === openTrace || !openTrace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  show();
}

function show() {
  const [id = "", spanId = ""] = location.hash.slice(1).split("/");
  const trace = store.trace(id);
  openSpan = trace && store.span(id, spanId);
  $("trace").hidden = !trace;
  $("empty").hidden = Boolean(trace);
  document.body.classList.toggle("has-trace", Boolean(trace));
  if (trace !== openTrace) {
    openTrace = trace;
    list.select(trace);
    if (trace) {
      showHead(trace);
      chart.show(trace);
      find.show(trace);
      drawView();
    }
  }
  if (trace) {
    chart.select(openSpan);
    find.select(openSpan);
    lines.select(openSpan);
    showSpan(openSpan);
  }
}

/** Draw the view of the open trace that is shown beside the chart. */
function drawView() {
  if (!openTrace) return;
  const view = { logs: lines, flame, map }[views.current()];
  view?.show(openTrace);
}

/** @param {Trace} trace */
function showHead(trace) {
  const when = clock(trace.start);
  $("title").textContent = trace.root.name || "(no name)";
  $("subtitle").replaceChildren([
    duration(trace.length), plural(trace.spans.length, "span"), plural(trace.services.length, "service"),
    `${when.day} ${when.time} ${when.zone}`, trace.id,
  ].join(" · "), " ", copyButton("trace id", trace.id));
  $("view-logs").querySelector("span")?.replaceChildren(trace.lines.length.toLocaleString("en"));
  $("no-lines").hidden = trace.lines.length > 0;
  $("legend").replaceChildren(...trace.services.map((name) =>
    element("span", {}, element("i", { class: `dot ${colour(name)}` }), name)));
}

/**
 * Add traces, or spans and log lines of traces that are here already, while the page is open. What
 * is selected, searched for, folded, zoomed and scrolled to stays as it is. A live page calls this
 * as `globalThis.addTraces`; `batch` of report.py makes what it takes.
 * @param {Batch} batch
 */
function addTraces(batch) {
  const changed = store.add(batch);
  for (const trace of changed) for (const name of trace.services) colour(name);
  list.refresh();
  // The address may name a trace that has only come now.
  if (!openTrace && location.hash.length > 1) show();
  if (openTrace && changed.has(openTrace)) {
    showHead(openTrace);
    chart.refresh();
    find.show(openTrace);
    drawView();
    if (openSpan) showSpan(openSpan);
  }
}
Object.assign(globalThis, { addTraces });

/** Mark in the open trace what is searched for. */
function showMarks() {
  if (!openTrace) return;
  chart.mark();
  find.show(openTrace);
  drawView();
  if (openSpan) showSpan(openSpan);
}

/**
 * Show on a button what it has set; its name says what that is.
 * @param {HTMLElement} button
 * @param {string} name
 * @param {string} value
 */
function relabel(button, name, value) {
  button.textContent = value;
  button.setAttribute("aria-label", `${name}: ${value}`);
}

function showTimes() {
  list.refresh();
  relabel($("zone"), "Time zone", zone.utc ? "UTC" : "Local");
  if (openTrace) showHead(openTrace);
  showMarks();
}

/** @param {Span | null} span */
function showSpan(span) {
  const from = span ? store.linksTo(span) : [];
  showDetails(span, closeDetails, linkTo, from.map((other) => ({
    span: other, go: () => go(store.trace(other.trace_id), other),
  })));
}

/** @param {SpanLink} link */
function linkTo(link) {
  const trace = store.trace(link.trace_id);
  const span = store.span(link.trace_id, link.span_id);
  return trace && span ? () => go(trace, span) : null;
}

/**
 * Bring a log line into view in the details of its span.
 * @param {LogLine} line
 * @param {Span} span
 */
function showLine(line, span) {
  $("details").querySelectorAll(".logs li")[span.logs.indexOf(line)]?.scrollIntoView({ block: "center" });
}

function closeDetails() {
  go(openTrace, null);
  focusView();
}

function focusView() {
  $({ timeline: "spans", logs: "lines" }[views.current()] ?? views.current()).focus();
}

function leaveTrace() {
  const left = openTrace;
  go(null, null);
  list.select(left);
  $("traces").focus();
}

addEventListener("popstate", show);
$("back").addEventListener("click", leaveTrace);
$("help-button").addEventListener("click", () => $("help").showModal());
$("zone").addEventListener("click", () => { zone.utc = !zone.utc; showTimes(); });
$("theme").addEventListener("click", () => {
  const themes = ["Auto", "Light", "Dark"];
  const now = themes.indexOf($("theme").textContent ?? "");
  const next = themes[(now + 1) % themes.length] ?? "Auto";
  relabel($("theme"), "Colours", next);
  document.documentElement.dataset.theme = next.toLowerCase();
  if (openTrace) chart.recolour();
});

$("traces").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const selected = list.current();
  if (!openTrace && selected) go(selected, null);
  if (openTrace) {
    if (!openSpan) go(openTrace, openTrace.root);
    focusView();
  }
});
for (const id of ["spans", "lines"]) $(id).addEventListener("keydown", (event) => {
  if (event.key === "Enter" && openSpan) $("details").focus();
});
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === "ArrowDown") $("traces").focus();
});
addEventListener("keydown", (event) => {
  const typing = event.target === $("search");
  if ($("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !typing) {
    event.preventDefault();
    $("search").focus();
    $("search").select();
  } else if ("nNeE".includes(event.key) && !typing && openTrace) {
    find.next("nN".includes(event.key) ? "match" : "error", event.key < "a");
  } else if (event.key === "?" && !typing) {
    $("help").showModal();
  } else if (event.key === "Escape") {
    // The browser would empty the search.
    if (typing) event.preventDefault();
    if (typing) $("traces").focus();
    else if (openSpan) closeDetails();
    else if (openTrace) leaveTrace();
  }
});

addTraces(JSON.parse($("data").textContent ?? ""));
// A wide page has room for the list and a trace.
const newest = list.first();
if (location.hash.length <= 1 && newest && matchMedia("(min-width: 800px)").matches) go(newest, null);
