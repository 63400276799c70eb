// Everything that is known of one span.

function showDetails(trace, span, close, goTo) {
  const panel = $("details");
  panel.hidden = !span;
  if (!span) return;
  panel.replaceChildren(...[
    element("div", { class: "details-head" },
      element("h3", {}, span.name || "(no name)"),
      element("button", { type: "button", "aria-label": "Close details", onclick: close }, "×")),
    element("p", { class: "badges" },
      element("span", { class: "badge" }, element("i", { class: `dot ${colour(span.service)}` }), span.service),
      element("span", { class: "badge" }, span.kind),
      element("span", { class: `badge ${span.failed ? "failed" : ""}` }, span.status),
      span.cold ? element("span", { class: "badge cold" }, "cold start") : null),
    ...oddities(span).map((text) => element("p", { class: "odd" }, text)),
    span.status_message ? element("p", { class: "message" }, span.status_message) : null,
    pairs({
      Duration: duration(span.took),
      Starts: `${duration(span.offset)} after the trace`,
      At: `${clock(span.start).day} ${clock(span.start).time}`,
      Span: span.span_id,
      Parent: span.parent_id || "none",
      Trace: span.trace_id,
      Scope: span.scope || "none",
    }),
    ...section("Attributes", span.attributes),
    ...span.events.flatMap((event) => section(`Event: ${event.name}`, event.attributes,
      `${duration(Number(BigInt(event.time_ns) - span.start) / MS)} after its start`)),
    ...span.links.flatMap((link) => [
      ...section("Link", { trace_id: link.trace_id, span_id: link.span_id, ...link.attributes }),
      goTo(link) ? element("button", { type: "button", class: "jump", onclick: goTo(link) }, "Go to this span") : null,
    ]),
    ...section("Resource", span.resource),
  ].filter((part) => part !== null));
  panel.scrollTop = 0;
}

function section(title, values, note = "") {
  const names = Object.keys(values);
  return [
    element("h4", {}, title, note ? element("small", {}, ` ${note}`) : null),
    names.length ? pairs(values, true) : element("p", { class: "none" }, "None"),
  ];
}

function pairs(values, sorted = false) {
  const names = Object.keys(values);
  if (sorted) names.sort();
  const list = element("dl", { class: "pairs" });
  for (const name of names) {
    const value = values[name];
    const text = typeof value === "string" ? value : JSON.stringify(value);
    list.append(element("dt", {}, name), element("dd", { class: text.includes("\n") ? "lines" : "" }, text));
  }
  return list;
}
