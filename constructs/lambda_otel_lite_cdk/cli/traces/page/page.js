// Brings the parts together. What is shown is in the address, so that "back" works.

const traces = readTraces(JSON.parse($("data").textContent ?? ""));
/** @type {Map<string, Span>} */
const spansById = new Map();
for (const trace of traces) {
  for (const span of trace.spans) {
    colour(span.service);
    spansById.set(`${trace.id}/${span.span_id}`, span);
  }
}
const tracesById = new Map(traces.map((trace) => [trace.id, trace]));
/** @type {Trace | null} */
let openTrace = null;
/** @type {Span | null} */
let openSpan = null;

const list = traceList(traces, (trace) => go(trace, null));
const chart = waterfall((span) => go(openTrace, span));

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
  const trace = tracesById.get(id) || null;
  openSpan = (trace && spansById.get(`${id}/${spanId}`)) || null;
  $("trace").hidden = !trace;
  $("empty").hidden = Boolean(trace);
  document.body.classList.toggle("has-trace", Boolean(trace));
  if (trace !== openTrace) {
    openTrace = trace;
    list.select(trace);
    if (trace) showTrace(trace);
  }
  if (trace) {
    chart.select(openSpan);
    showDetails(openSpan, closeDetails, linkTo);
  }
}

/** @param {Trace} trace */
function showTrace(trace) {
  const when = clock(trace.start);
  $("title").textContent = trace.root.name || "(no name)";
  $("subtitle").textContent = [
    duration(trace.length), plural(trace.spans.length, "span"), plural(trace.services.length, "service"),
    `${when.day} ${when.time}`, trace.id,
  ].join(" · ");
  $("legend").replaceChildren(...trace.services.map((name) =>
    element("span", {}, element("i", { class: `dot ${colour(name)}` }), name)));
  chart.show(trace);
}

/** @param {SpanLink} link */
function linkTo(link) {
  const trace = tracesById.get(link.trace_id);
  const span = spansById.get(`${link.trace_id}/${link.span_id}`);
  return trace && span ? () => go(trace, span) : null;
}

function closeDetails() {
  go(openTrace, null);
  $("spans").focus();
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
$("theme").addEventListener("click", () => {
  const themes = ["Auto", "Light", "Dark"];
  const now = themes.indexOf($("theme").textContent ?? "");
  const next = themes[(now + 1) % themes.length] ?? "Auto";
  $("theme").textContent = next;
  document.documentElement.dataset.theme = next.toLowerCase();
});

$("traces").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const selected = list.current();
  if (!openTrace && selected) go(selected, null);
  if (openTrace) {
    if (!openSpan) go(openTrace, openTrace.root);
    $("spans").focus();
  }
});
$("spans").addEventListener("keydown", (event) => {
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
  } else if (event.key === "?" && !typing) {
    $("help").showModal();
  } else if (event.key === "Escape") {
    if (typing) $("traces").focus();
    else if (openSpan) closeDetails();
    else if (openTrace) leaveTrace();
  }
});

// A wide page has room for the list and a trace.
if (location.hash.length > 1) show();
else if (traces[0] && matchMedia("(min-width: 800px)").matches) go(traces[0], null);
