// What the report shows: spans as the file holds them, each at its place in the tree of its trace.

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
 * @property {number} failedBelow number of failed spans below it
 * @property {number} self the part of its time in which no child of it runs
 * @property {string | undefined} [text] what a search looks through, made by the first search
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
 * @property {LogLine[]} lines in the order in which they came
 */

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
    failedBelow: 0,
    self: 0,
  };
}

/**
 * Place all spans of a trace, and its log lines; what was placed before is placed anew.
 * @param {Trace} trace its spans and lines are in any order
 */
function placeTrace(trace) {
  const spans = trace.spans.toSorted((a, b) => compare(a.start, b.start));
  const first = /** @type {Span} */ (spans[0]);
  let length = 0;
  for (const span of spans) {
    Object.assign(span, { parent: null, children: [], depth: -1, failedBelow: 0, logs: [], text: undefined });
    span.offset = Number(span.start - first.start) / MS;
    length = Math.max(length, span.offset, span.offset + span.took);
  }
  const known = placeInTree(spans);
  const root = spans.find((span) => span.depth === 0 && !span.parent_id) || first;
  for (const line of inOrder(trace.lines)) (known.get(line.span_id ?? "") ?? root).logs.push(line);
  Object.assign(trace, {
    spans, root,
    start: first.start,
    length: length || 0.001,
    services: [...new Set(spans.map((span) => span.service))],
    errors: spans.filter((span) => span.failed).length,
    cold: spans.filter((span) => span.cold).length,
  });
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
  /** @type {Span[]} */
  const downwards = [];
  for (const top of [...tops, ...spans]) {
    if (top.depth >= 0) continue;
    top.depth = 0;
    const waiting = [top];
    for (let span = waiting.pop(); span; span = waiting.pop()) {
      downwards.push(span);
      span.children = span.children.filter((child) => child.depth < 0);
      for (const child of span.children) {
        child.parent = span;
        child.depth = span.depth + 1;
        waiting.push(child);
      }
    }
  }
  for (const span of downwards.toReversed()) {
    span.self = selfTime(span);
    if (span.parent) span.parent.failedBelow += span.failedBelow + Number(span.failed);
  }
  return known;
}

/**
 * How long a span ran while none of its children did; they may run at once, and outlive it.
 * @param {Span} span its children are ordered by start
 */
function selfTime(span) {
  const end = span.offset + Math.max(span.took, 0);
  let left = end - span.offset;
  let busy = span.offset;
  for (const child of span.children) {
    const from = Math.max(child.offset, busy);
    const to = Math.min(child.offset + Math.max(child.took, 0), end);
    if (to <= from) continue;
    left -= to - from;
    busy = to;
  }
  return Math.max(left, 0);
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
    found.push(`It starts ${early} before its parent: it was backdated, or their clocks disagree.`);
  }
  if (span.took < 0) found.push("It ends before it starts.");
  return found;
}

