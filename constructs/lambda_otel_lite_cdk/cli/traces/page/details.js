// Everything that is known about one span.

/** Characters of a value from which on it is below its name, not beside it. */
const LONG_VALUE = 36;

/**
 * @param {Span | null} span null closes the panel
 * @param {() => void} close called when the user closes the panel
 * @param {(link: SpanLink) => (() => void) | null} linkTo what goes to a link's span, if it is here
 * @param {{ span: Span, go: () => void }[]} linksFrom spans that link to it
 */
function showDetails(span, close, linkTo, linksFrom) {
  const panel = $("details");
  panel.hidden = !span;
  if (!span) return;
  const parts = [
    element("div", { class: "details-head" },
      element("h3", {}, ...marked(span.name || "(no name)", "name")),
      element("button", { type: "button", "aria-label": "Close details", onclick: close }, "×")),
    element("p", { class: "badges" },
      element("span", { class: "badge" }, element("i", { class: `dot ${colour(span.service)}` }), ...marked(span.service, "service")),
      element("span", { class: "badge" }, span.kind),
      element("span", { class: `badge ${span.failed ? "failed" : ""}` }, span.status),
      span.cold ? element("span", { class: "badge cold" }, "cold start") : null),
    ...oddities(span).map((text) => element("p", { class: "odd" }, text)),
    span.status_message ? element("p", { class: "message" }, ...marked(span.status_message, "message")) : null,
    pairs(Object.entries({
      Duration: duration(span.took),
      Starts: `${duration(span.offset)} after the trace`,
      At: `${clock(span.start).day} ${clock(span.start).time} ${clock(span.start).zone}`,
      Span: span.span_id,
      Parent: span.parent_id || "none",
      Trace: span.trace_id,
      Scope: span.scope || "none",
    }), (name, text) => text !== "none" && ["Span", "Parent", "Trace"].includes(name)),
    // What went wrong is what most look for.
    ...span.events.filter(isException).flatMap((event) => eventSection(span, event)),
    ...section("Attributes", span.attributes),
    ...span.events.filter((event) => !isException(event)).flatMap((event) => eventSection(span, event)),
    ...logs(span.logs),
    ...span.links.flatMap((link) => {
      const go = linkTo(link);
      return [
        ...section("Link", { trace_id: link.trace_id, span_id: link.span_id, ...link.attributes }),
        go ? element("button", { type: "button", class: "jump", onclick: go }, "Go to this span") : null,
      ];
    }),
    ...linksFrom.flatMap(({ span: from, go }) => [
      element("h4", {}, "Linked from"),
      element("button", { type: "button", class: "jump from", onclick: go }, `${from.service}: ${from.name || "(no name)"}`),
    ]),
    ...section("Resource", span.resource),
  ];
  // A span that is drawn again, as more came, is still being read.
  const key = `${span.trace_id}/${span.span_id}`;
  const scrolled = panel.dataset.span === key ? panel.scrollTop : 0;
  panel.dataset.span = key;
  panel.replaceChildren(...parts.filter((part) => part !== null));
  panel.scrollTop = scrolled;
}

/** @param {SpanEvent} event */
function isException(event) {
  return event.name === "exception";
}

/**
 * @param {Span} span
 * @param {SpanEvent} event
 */
function eventSection(span, event) {
  const when = `${duration(Number(BigInt(event.time_ns) - span.start) / MS)} after its start`;
  return section(`Event: ${event.name}`, event.attributes, when);
}

/**
 * @param {string} title
 * @param {Attributes} values
 */
function section(title, values, note = "") {
  const sorted = Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    element("h4", {}, title, note ? element("small", {}, ` ${note}`) : null),
    sorted.length ? pairs(sorted) : element("p", { class: "none" }, "None"),
  ];
}

/** @param {LogLine[]} lines */
function logs(lines) {
  if (!lines.length) return [];
  const list = element("ol", { class: "logs" });
  for (const line of lines) {
    list.append(element("li", { class: SEVERE.has(line.level) ? "severe" : "" },
      line.time_ns === null ? null : element("small", {}, `${clock(BigInt(line.time_ns)).time} `),
      line.level ? element("small", {}, `${line.level} `) : null,
      ...marked(line.message, "message")));
  }
  return [element("h4", {}, "Logs"), list];
}

/**
 * @param {[string, unknown][]} values
 * @param {(name: string, text: string) => boolean} canCopy whether a value has a button to copy it
 */
function pairs(values, canCopy = () => true) {
  const list = element("dl", { class: "pairs" });
  for (const [name, value] of values) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const lines = text.includes("\n");
    const kind = lines ? "lines" : text.length > LONG_VALUE ? "long" : "";
    list.append(element("dt", {}, ...breakable(marked(name))), element("dd", {},
      element("div", { class: `value ${kind}`, tabindex: lines ? 0 : null }, ...marked(text, name)),
      canCopy(name, text) ? copyButton(name, text) : null));
  }
  return list;
}

/**
 * A name that is broken between its parts first.
 * @param {(Node | string)[]} parts
 */
function breakable(parts) {
  return parts.flatMap((part) => /** @type {(Node | string)[]} */ (typeof part === "string"
    ? part.split(/(?<=[._])/u).flatMap((piece) => [piece, element("wbr")]) : [part]));
}
