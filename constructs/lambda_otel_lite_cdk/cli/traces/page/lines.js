// All log lines of a trace, by time.

/** @typedef {{ line: LogLine, span: Span }} PlacedLine */

const SEVERE = new Set(["ERROR", "CRITICAL", "FATAL"]);

/** @param {(placed: PlacedLine) => void} choose called when the user picks a line */
function logLines(choose) {
  const list = windowed($("lines"), row, choose);
  let start = 0n;

  /** @param {PlacedLine} placed */
  function row({ line, span }) {
    const when = line.time_ns === null ? "" : duration(Number(BigInt(line.time_ns) - start) / MS);
    return element("div", { class: `row log-row ${SEVERE.has(line.level) ? "severe" : ""}`, role: "option" },
      element("span", { class: "when" }, when), " ",
      element("span", { class: "level" }, line.level), " ",
      element("span", { class: "of" }, element("i", { class: `dot ${colour(span.service)}` }), span.name || "(no name)"), " ",
      element("span", { class: "said-line", title: line.message }, ...marked(line.message, "message")));
  }

  return {
    /** @param {Trace} trace */
    show(trace) {
      ({ start } = trace);
      const kept = list.current();
      const placed = linesOf(trace);
      list.set(placed, placed.find(({ line }) => line === kept?.line) ?? null);
    },
    draw: list.draw,
    /** @param {Span | null} span */
    select(span) { if (list.current()?.span !== span) list.select(null); },
    /** @param {PlacedLine} placed */
    mark(placed) { list.select(placed); },
  };
}
