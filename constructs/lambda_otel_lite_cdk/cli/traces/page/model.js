// What the report shows: spans as they came, grouped into traces, each with its tree.

const MS = 1e6;

function readTraces(data) {
  const groups = new Map();
  for (const span of data.spans) {
    span.resource = data.resources[span.resource];
    span.service = String(span.resource["service.name"] || "unknown");
    span.start = BigInt(span.start_ns);
    span.took = Number(BigInt(span.end_ns) - span.start) / MS;
    span.failed = span.status === "ERROR";
    span.cold = span.attributes["faas.coldstart"] === true;
    if (!groups.has(span.trace_id)) groups.set(span.trace_id, new Map());
    const group = groups.get(span.trace_id);
    // A delivery that was tried again brings the same span twice.
    if (!group.has(span.span_id)) group.set(span.span_id, span);
  }
  const traces = [...groups].map(([id, group]) => readTrace(id, [...group.values()]));
  return traces.sort((a, b) => (a.start < b.start ? 1 : a.start > b.start ? -1 : 0));
}

function readTrace(id, spans) {
  spans.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const start = spans[0].start;
  let length = 0;
  for (const span of spans) {
    span.offset = Number(span.start - start) / MS;
    length = Math.max(length, span.offset, span.offset + span.took);
  }
  placeInTree(spans);
  const services = [...new Set(spans.map((span) => span.service))];
  return {
    id, spans, start, services,
    length: length || 0.001,
    root: spans.find((span) => span.depth === 0 && !span.parent_id) || spans[0],
    errors: spans.filter((span) => span.failed).length,
    cold: spans.filter((span) => span.cold).length,
  };
}

// Gives every span its parent, children and depth. A span without its parent, and the first span
// of a circle of parents, stand at the top: none is left out.
function placeInTree(spans) {
  const known = new Map(spans.map((span) => [span.span_id, span]));
  for (const span of spans) {
    span.children = [];
    span.depth = -1;
    span.parent = null;
  }
  for (const span of spans) {
    const parent = known.get(span.parent_id);
    if (parent) parent.children.push(span);
  }
  const tops = spans.filter((span) => !known.has(span.parent_id));
  for (const top of [...tops, ...spans]) {
    if (top.depth >= 0) continue;
    top.depth = 0;
    const waiting = [top];
    while (waiting.length) {
      const span = waiting.pop();
      span.children = span.children.filter((child) => child.depth < 0);
      for (const child of span.children) {
        child.parent = span;
        child.depth = span.depth + 1;
        waiting.push(child);
      }
    }
  }
}

// The spans to show from the top down, without those below a folded one.
function visibleSpans(trace, folded) {
  const rows = [];
  const waiting = trace.spans.filter((span) => span.depth === 0).reverse();
  while (waiting.length) {
    const span = waiting.pop();
    rows.push(span);
    if (!folded.has(span)) for (let i = span.children.length; i--;) waiting.push(span.children[i]);
  }
  return rows;
}

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

// Every word must be somewhere in the trace.
function matches(trace, words) {
  if (!words.length) return true;
  trace.text ??= [trace.id, ...trace.spans.map((span) => JSON.stringify([
    span.name, span.service, span.kind, span.status, span.status_message, span.span_id,
    span.attributes, span.resource, span.events,
  ]))].join("\n").toLowerCase();
  return words.every((word) => trace.text.includes(word));
}

function duration(ms) {
  const size = Math.abs(ms);
  if (size >= 60000) return `${(ms / 60000).toFixed(1)} min`;
  if (size >= 1000) return `${(ms / 1000).toFixed(size >= 10000 ? 1 : 2)} s`;
  if (size >= 1) return `${ms.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)} ms`;
  return `${Math.round(ms * 1000)} µs`;
}

// A point on a scale of the given step, in as many digits as tell it from its neighbours.
function roundDuration(ms, step) {
  const [size, unit] = step >= 1000 ? [1000, "s"] : step >= 1 ? [1, "ms"] : [0.001, "µs"];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  return `${(ms / size).toFixed(digits)} ${unit}`;
}

function clock(start) {
  const date = new Date(Number(start / 1000000n));
  const pad = (number, size) => String(number).padStart(size, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => pad(n, 2));
  return { day, time: `${time.join(":")}.${pad(date.getMilliseconds(), 3)}` };
}
