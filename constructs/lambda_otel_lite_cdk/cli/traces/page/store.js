// All traces of the page. More may come while it is open, and a trace may grow.

/** @typedef {{ spans: WrittenSpan[], resources: Attributes[], logs: LogLine[] }} Batch */

function traceStore() {
  /** @type {Map<string, Trace>} */
  const traces = new Map();
  /** @type {Map<string, Span>} */
  const spans = new Map();
  /**
   * Lines of traces of which no span has come yet.
   * @type {Map<string, LogLine[]>}
   */
  const early = new Map();
  /** @type {Set<string>} */
  const attributes = new Set();
  /**
   * The spans that link to a span.
   * @type {Map<string, Span[]>}
   */
  const linking = new Map();

  /**
   * A trace or span that is here already stays the same object, whatever comes to it.
   * @param {Batch} batch
   * @returns {Set<Trace>} what is new or has grown
   */
  function add(batch) {
    /** @type {Set<Trace>} */
    const changed = new Set();
    for (const written of batch.spans) {
      const id = written.trace_id;
      const key = `${id}/${written.span_id}`;
      // A retried delivery brings the same span twice.
      if (spans.has(key)) continue;
      const span = readSpan(written, batch.resources[written.resource] ?? {});
      spans.set(key, span);
      for (const part of [span.attributes, span.resource, ...span.events.map((event) => event.attributes)]) {
        for (const name of Object.keys(part)) attributes.add(name);
      }
      for (const link of span.links) {
        const target = `${link.trace_id}/${link.span_id}`;
        const from = linking.get(target) ?? [];
        linking.set(target, from);
        from.push(span);
      }
      const trace = traces.get(id) ?? emptyTrace(id, early.get(id) ?? []);
      traces.set(id, trace);
      early.delete(id);
      trace.spans.push(span);
      changed.add(trace);
    }
    for (const line of batch.logs) {
      const trace = traces.get(line.trace_id);
      if (trace) {
        trace.lines.push(line);
        changed.add(trace);
      } else {
        const waiting = early.get(line.trace_id) ?? [];
        early.set(line.trace_id, waiting);
        waiting.push(line);
      }
    }
    for (const trace of changed) placeTrace(trace);
    return changed;
  }

  return {
    add,
    /** @param {string} name */
    hasAttribute: (name) => attributes.has(name),
    /** @param {Span} span */
    linksTo: (span) => linking.get(`${span.trace_id}/${span.span_id}`) ?? [],
    all: () => [...traces.values()],
    /** @param {string} id */
    trace: (id) => traces.get(id) ?? null,
    /**
     * @param {string} traceId
     * @param {string} spanId
     */
    span: (traceId, spanId) => spans.get(`${traceId}/${spanId}`) ?? null,
  };
}

/**
 * @param {string} id
 * @param {LogLine[]} lines
 * @returns {Trace} what is not known before its spans are placed is left out
 */
function emptyTrace(id, lines) {
  return /** @type {Trace} */ ({ id, lines, spans: /** @type {Span[]} */ ([]) });
}
