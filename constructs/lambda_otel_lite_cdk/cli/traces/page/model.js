// What the report shows: the spans as the file holds them, grouped into traces, each with its tree.

const MS = 1e6;

/**
 * @typedef {Record<string, unknown>} Attributes
 * @typedef {{ name: string, time_ns: string | number, attributes: Attributes }} SpanEvent
 * @typedef {{ trace_id: string, span_id: string, attributes: Attributes }} SpanLink
 * @typedef {{ trace_id: string, span_id: string | null, time_ns: string | number | null, level: string, message: string }} LogLine
 */

/**
 * A span as the report's Python side writes it. Integers that a JavaScript number would round are
 * strings; `resource` is an index into the file's list of resources.
 * @typedef {object} WrittenSpan
 * @property {string} trace_id
 * @property {string} span_id
 * @property {string | null} parent_id
 * @property {string} name
 * @property {string} kind
 * @property {string | number} start_ns
 * @property {string | number} end_ns
 * @property {string} status
 * @property {string} status_message
 * @property {Attributes} attributes
 * @property {SpanEvent[]} events
 * @property {SpanLink[]} links
 * @property {number} resource
 * @property {string} scope
 */

/**
 * What the page adds to a span; times are in ms, but `start`, which is Unix time in ns.
 * @typedef {object} Derived
 * @property {Attributes} resource
 * @property {string} service
 * @property {bigint} start
 * @property {number} took
 * @property {number} offset from the start of the trace
 * @property {LogLine[]} logs in the order of time
 * @property {boolean} failed
 * @property {boolean} cold
 * @property {Span | null} parent
 * @property {Span[]} children
 * @property {number} depth 0 at the top
 */

/** @typedef {Omit<WrittenSpan, "resource"> & Derived} Span */

/**
 * @typedef {object} Trace
 * @property {string} id
 * @property {Span[]} spans ordered by start
 * @property {bigint} start
 * @property {number} length in ms
 * @property {string[]} services
 * @property {Span} root
 * @property {number} errors number of failed spans
 * @property {number} cold number of cold starts
 * @property {string} [text] what a search looks through, made by the first search
 */

/**
 * @param {{ spans: WrittenSpan[], resources: Attributes[], logs: LogLine[] }} data
 * @returns {Trace[]} the newest first
 */
function readTraces(data) {
  /** @type {Map<string, Map<string, Span>>} */
  const groups = new Map();
  for (const written of data.spans) {
    const span = readSpan(written, data.resources[written.resource] ?? {});
    const group = groups.get(span.trace_id) ?? new Map();
    groups.set(span.trace_id, group);
    // A retried delivery brings the same span twice.
    if (!group.has(span.span_id)) group.set(span.span_id, span);
  }
  const traces = [...groups].map(([id, group]) => readTrace(id, [...group.values()]));
  const roots = new Map(traces.map((trace) => [trace.id, trace.root]));
  for (const line of data.logs) {
    const span = groups.get(line.trace_id)?.get(line.span_id ?? "") ?? roots.get(line.trace_id);
    span?.logs.push(line);
  }
  for (const trace of traces) for (const span of trace.spans) span.logs = inOrder(span.logs);
  return traces.toSorted((a, b) => compare(b.start, a.start));
}

/**
 * @param {WrittenSpan} written
 * @param {Attributes} resource
 * @returns {Span}
 */
function readSpan(written, resource) {
  const start = BigInt(written.start_ns);
  return {
    ...written,
    resource,
    service: String(resource["service.name"] || "unknown"),
    start,
    took: Number(BigInt(written.end_ns) - start) / MS,
    offset: 0,
    logs: [],
    failed: written.status === "ERROR",
    cold: written.attributes["faas.coldstart"] === true,
    parent: null,
    children: [],
    depth: -1,
  };
}

/**
 * @param {string} id
 * @param {Span[]} unordered
 * @returns {Trace}
 */
function readTrace(id, unordered) {
  const spans = unordered.toSorted((a, b) => compare(a.start, b.start));
  const first = /** @type {Span} */ (spans[0]);
  let length = 0;
  for (const span of spans) {
    span.offset = Number(span.start - first.start) / MS;
    length = Math.max(length, span.offset, span.offset + span.took);
  }
  placeInTree(spans);
  return {
    id, spans,
    start: first.start,
    length: length || 0.001,
    services: [...new Set(spans.map((span) => span.service))],
    root: spans.find((span) => span.depth === 0 && !span.parent_id) || first,
    errors: spans.filter((span) => span.failed).length,
    cold: spans.filter((span) => span.cold).length,
  };
}

/**
 * Lines by time; those without a time keep their place after the one before them.
 * @param {LogLine[]} lines
 */
function inOrder(lines) {
  let time = 0n;
  const timed = lines.map((line) => {
    if (line.time_ns !== null) time = BigInt(line.time_ns);
    return { line, time };
  });
  return timed.toSorted((a, b) => compare(a.time, b.time)).map(({ line }) => line);
}

/**
 * Where a log line is on its span, in ms from the span's start. Some formats write whole seconds.
 * @param {Span} span
 * @param {LogLine} line
 */
function offsetOf(span, line) {
  const at = line.time_ns === null ? 0 : Number(BigInt(line.time_ns) - span.start) / MS;
  return Math.min(Math.max(at, 0), Math.max(span.took, 0));
}

/**
 * @param {bigint} a
 * @param {bigint} b
 */
function compare(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * Give every span its parent, children and depth. A span whose parent is missing is at the top,
 * and so is the first span of a circle of parents: no span is left out.
 * @param {Span[]} spans
 */
function placeInTree(spans) {
  const known = new Map(spans.map((span) => [span.span_id, span]));
  /** @param {Span} span */
  const parentOf = (span) => (span.parent_id ? known.get(span.parent_id) : undefined);
  for (const span of spans) parentOf(span)?.children.push(span);
  const tops = spans.filter((span) => !parentOf(span));
  for (const top of [...tops, ...spans]) {
    if (top.depth >= 0) continue;
    top.depth = 0;
    const waiting = [top];
    for (let span = waiting.pop(); span; span = waiting.pop()) {
      span.children = span.children.filter((child) => child.depth < 0);
      for (const child of span.children) {
        child.parent = span;
        child.depth = span.depth + 1;
        waiting.push(child);
      }
    }
  }
}

/**
 * The spans to show from the top down, without those below a folded one.
 * @param {Trace} trace
 * @param {Set<Span>} folded
 */
function visibleSpans(trace, folded) {
  const rows = [];
  const waiting = trace.spans.filter((span) => span.depth === 0).toReversed();
  for (let span = waiting.pop(); span; span = waiting.pop()) {
    rows.push(span);
    if (folded.has(span)) continue;
    for (const child of span.children.toReversed()) waiting.push(child);
  }
  return rows;
}

/**
 * What is wrong with a span, in sentences.
 * @param {Span} span
 */
function oddities(span) {
  const found = [];
  if (span.parent_id && !span.parent) {
    found.push(`Its parent ${span.parent_id} is not in this report.`);
  }
  if (span.parent && span.start < span.parent.start) {
    const early = duration(span.parent.offset - span.offset);
    found.push(`It starts ${early} before its parent: their clocks disagree.`);
  }
  if (span.took < 0) found.push("It ends before it starts.");
  return found;
}

/**
 * Whether every word is somewhere in the trace.
 * @param {Trace} trace
 * @param {string[]} words
 */
function matches(trace, words) {
  if (!words.length) return true;
  const text = (trace.text ??= [trace.id, ...trace.spans.map((span) => JSON.stringify([
    span.name, span.service, span.kind, span.status, span.status_message, span.span_id,
    span.attributes, span.resource, span.events, span.logs,
  ]))].join("\n").toLowerCase());
  return words.every((word) => text.includes(word));
}

/** @param {number} ms */
function duration(ms) {
  const size = Math.abs(ms);
  if (size >= 60000) return `${(ms / 60000).toFixed(1)} min`;
  if (size >= 1000) return `${(ms / 1000).toFixed(size >= 10000 ? 1 : 2)} s`;
  if (size >= 1) return `${ms.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)} ms`;
  return `${Math.round(ms * 1000)} µs`;
}

/**
 * A point on a scale, with as many digits as tell it from its neighbours.
 * @param {number} ms
 * @param {number} step of the scale, in ms
 */
function roundDuration(ms, step) {
  const size = step >= 1000 ? 1000 : step >= 1 ? 1 : 0.001;
  const unit = step >= 1000 ? "s" : step >= 1 ? "ms" : "µs";
  const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  return `${(ms / size).toFixed(digits)} ${unit}`;
}

/**
 * Day and time of day in the reader's time zone.
 * @param {bigint} start Unix time in ns
 */
function clock(start) {
  const date = new Date(Number(start / 1000000n));
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => pad(n));
  return { day, time: `${time.join(":")}.${pad(date.getMilliseconds(), 3)}` };
}

/** @param {number} number */
function pad(number, digits = 2) {
  return String(number).padStart(digits, "0");
}
