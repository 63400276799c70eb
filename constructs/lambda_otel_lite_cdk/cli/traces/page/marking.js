// What was searched for, marked wherever it stands.

/** The search of the page: what is found and marked now. */
const searching = { query: parseQuery("", () => false) };

/**
 * Text in which the words that are searched for are marked.
 * @param {string} text
 * @param {string} [field] whose values in the search are marked too
 * @returns {(Node | string)[]}
 */
function marked(text, field = "") {
  const { words, fields } = searching.query;
  const wanted = [
    ...words,
    ...fields.filter((term) => term.field === field && ":=".includes(term.operator)).map((term) => term.value),
  ].filter((word) => word && word !== "*");
  if (!wanted.length) return [text];
  const small = text.toLowerCase();
  // Some signs have small letters of another length: no place in one text is one in the other.
  if (small.length !== text.length) return [text];
  const parts = [];
  let done = 0;
  for (;;) {
    const places = wanted.map((word) => ({ word, at: small.indexOf(word, done) })).filter(({ at }) => at >= 0);
    if (!places.length) break;
    const { word, at } = places.reduce((best, place) => place.at < best.at ? place : best);
    parts.push(text.slice(done, at), element("mark", {}, text.slice(at, at + word.length)));
    done = at + word.length;
  }
  return [...parts, text.slice(done)].filter((part) => part !== "");
}

const AROUND = 8;

/**
 * The line of a trace in which something was found that its row does not show otherwise.
 * @param {Trace} trace
 * @returns {string} empty where there is none
 */
function excerpt(trace) {
  const { query } = searching;
  const [span] = isEmpty(query) ? [] : hits(trace, query);
  if (!span) return "";
  for (const word of query.words) {
    const shown = `${trace.root.name}\n${trace.services.join(", ")}`.toLowerCase();
    if (shown.includes(word)) continue;
    const line = textOf(span).split("\n").find((part) => part.includes(word));
    if (!line) continue;
    const from = Math.max(0, line.indexOf(word) - AROUND);
    return `${from ? "…" : ""}${line.slice(from)}`.slice(0, 200);
  }
  for (const { field } of query.fields) {
    if (["service", "trace", "status"].includes(field)) continue;
    const value = valuesOf(span, field)[0];
    return `${span.name}: ${field} ${field === "duration" ? duration(Number(value)) : plain(value)}`.slice(0, 200);
  }
  return "";
}
