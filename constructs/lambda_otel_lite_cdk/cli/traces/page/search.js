// What a search finds: words anywhere in a trace, and fields that hold for one of its spans.

/**
 * @typedef {object} Term
 * @property {string} field empty for words
 * @property {string} operator
 * @property {string} value in small letters
 *
 * @typedef {object} Query
 * @property {string[]} words
 * @property {Term[]} fields
 * @property {string} problem what is wrong with it, in a sentence; empty where nothing is
 */

const TERM = /(?:(?<field>[^\s"<>=:!]+)(?<operator>>=|<=|!=|[:=<>]))?(?:"(?<phrase>[^"]*)"?|(?<word>\S+))/gu;
/** @type {Record<string, number>} */
const UNITS = { ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1000, m: 60000, min: 60000, h: 3600000 };

/** @type {Record<string, (span: Span) => unknown[]>} */
const FIELDS = {
  service: (span) => [span.service],
  name: (span) => [span.name],
  kind: (span) => [span.kind],
  status: (span) => [span.status],
  trace: (span) => [span.trace_id],
  span: (span) => [span.span_id],
  scope: (span) => [span.scope],
  duration: (span) => [span.took],
  level: (span) => span.logs.map((line) => line.level),
  message: (span) => [
    span.status_message, ...span.logs.map((line) => line.message),
    ...span.events.map((event) => event.attributes["exception.message"]),
  ],
};

/**
 * @param {string} text as typed
 * @param {(name: string) => boolean} isAttribute whether a span has an attribute of this name; what
 *     names no field, such as `12:30`, is words
 * @returns {Query}
 */
function parseQuery(text, isAttribute) {
  /** @type {Query} */
  const query = { words: [], fields: [], problem: "" };
  for (const { 0: whole, groups } of text.matchAll(TERM)) {
    const value = (groups?.phrase ?? groups?.word ?? "").toLowerCase();
    const name = groups?.field ?? "";
    const small = name.toLowerCase();
    const field = Object.hasOwn(FIELDS, small) ? small : name;
    if (Object.hasOwn(FIELDS, field) || isAttribute(field)) {
      const term = { field, operator: groups?.operator ?? "", value };
      query.fields.push(term);
      if ("<>".includes(term.operator[0] ?? "") && Number.isNaN(amount(term))) {
        const example = field === "duration" ? "a time, such as 500ms or 2s" : "a number";
        query.problem ||= `“${whole}”: after “${term.operator}” comes ${example}.`;
      }
    } else if (name) query.words.push(whole.replaceAll('"', "").toLowerCase());
    else if (value) query.words.push(value);
  }
  return query;
}

/**
 * The number that a term compares with, in ms for a duration.
 * @param {Term} term
 */
function amount(term) {
  if (term.field !== "duration") return term.value === "" ? NaN : Number(term.value);
  const found = /^(?<number>\d*\.?\d+)\s*(?<unit>[a-zµ]*)$/u.exec(term.value)?.groups;
  return Number(found?.number ?? NaN) * (UNITS[found?.unit || "ms"] ?? NaN);
}

/**
 * @param {Span} span
 * @param {string} field
 * @returns {unknown[]}
 */
function valuesOf(span, field) {
  const read = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
  if (read) return read(span);
  return [span.attributes, span.resource, ...span.events.map((event) => event.attributes)]
    .filter((attributes) => Object.hasOwn(attributes, field))
    .map((attributes) => attributes[field]);
}

/**
 * @param {Span} span
 * @param {Term} term
 */
function holds(span, term) {
  const values = valuesOf(span, term.field);
  const isTime = term.field === "duration";
  /** @param {unknown} value */
  const equal = (value) => isTime || typeof value === "number"
    ? Number(value) === amount(term) : plain(value).toLowerCase() === term.value;
  switch (term.operator) {
    case ":":
      if (term.value === "*") return values.some((value) => plain(value) !== "");
      return values.some((value) => isTime ? equal(value) : plain(value).toLowerCase().includes(term.value));
    case "=": return values.some(equal);
    case "!=": return !values.some(equal);
    case ">": return values.some((value) => Number(value) > amount(term));
    case ">=": return values.some((value) => Number(value) >= amount(term));
    case "<": return values.some((value) => Number(value) < amount(term));
    default: return values.some((value) => Number(value) <= amount(term));
  }
}

/**
 * A value as the page shows it.
 * @param {unknown} value
 */
function plain(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * All that words are looked for in, one part a line.
 * @param {Span} span
 */
function textOf(span) {
  return (span.text ??= [
    span.name, span.service, span.kind, span.status, span.status_message, span.trace_id,
    span.span_id, span.scope,
    ...[span.attributes, ...span.events.map((event) => event.attributes), span.resource]
      .flatMap((attributes) => Object.entries(attributes).map(([name, value]) => `${name}=${plain(value)}`)),
    ...span.events.map((event) => event.name),
    ...span.logs.map((line) => `${line.level} ${line.message}`),
  ].join("\n").toLowerCase());
}

/** @param {Query} query */
function isEmpty(query) {
  return !query.words.length && !query.fields.length;
}

/**
 * Whether one span meets all fields, and every word is somewhere in the trace.
 * @param {Trace} trace
 * @param {Query} query
 */
function matches(trace, query) {
  const { words, fields } = query;
  return words.every((word) => trace.spans.some((span) => textOf(span).includes(word)))
    && (!fields.length || trace.spans.some((span) => fields.every((term) => holds(span, term))));
}

/**
 * The spans of a trace for which it was found.
 * @param {Trace} trace
 * @param {Query} query
 * @returns {Set<Span>}
 */
function hits(trace, query) {
  if (isEmpty(query)) return new Set();
  const { words, fields } = query;
  const met = trace.spans.filter((span) => fields.every((term) => holds(span, term)));
  const named = met.filter((span) => words.some((word) => textOf(span).includes(word)));
  return new Set(words.length && (named.length || !fields.length) ? named : met);
}
