// All log lines of a trace, by time.

const SEVERE = new Set(["ERROR", "CRITICAL", "FATAL"]);

/** @param {(line: LogLine, span: Span) => void} choose called when the user picks a line */
function logLines(choose) {
  const list = windowed($("lines"), row, (line) => choose(line, spanOf(line)));
  let trace = /** @type {Trace | null} */ (null);
  /** @type {Map<LogLine, Span>} */
  let spans = new Map();

  /** @param {LogLine} line */
  function spanOf(line) {
    return /** @type {Span} */ (spans.get(line));
  }

  /** @param {LogLine} line */
  function row(line) {
    const span = spanOf(line);
    const when = line.time_ns === null || !trace ? "" : duration(Number(BigInt(line.time_ns) - trace.start) / MS);
    return element("div", { class: `row log-row ${SEVERE.has(line.level) ? "severe" : ""}`, role: "option" },
      element("span", { class: "when" }, when), " ",
      element("span", { class: "level" }, line.level), " ",
      element("span", { class: "of" }, element("i", { class: `dot ${colour(span.service)}` }), span.name || "(no name)"), " ",
      element("span", { class: "said-line", title: line.message }, ...marked(line.message, "message")));
  }

  return {
    /** @param {Trace} shown what has come to it is shown too, and what can be seen stays */
    show(shown) {
      spans = new Map(shown.spans.flatMap((span) => span.logs.map((line) => [line, span])));
      const lines = inOrder(shown.lines);
      if (trace === shown) list.update(lines);
      else list.set(lines, null);
      trace = shown;
    },
    /** @param {Span | null} span */
    select(span) {
      const line = list.current();
      if (line && spanOf(line) !== span) list.select(null);
    },
    /** @param {LogLine} line */
    mark(line) { list.select(line); },
  };
}
