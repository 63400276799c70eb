// What a search finds.

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
