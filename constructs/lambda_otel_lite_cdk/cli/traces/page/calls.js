// Which services call which: drawn from spans whose parent, or whose link, is of another service, and
// from the names of what their clients call.

/**
 * @typedef {object} Service
 * @property {string} name
 * @property {boolean} outside whether no span of the report is its own: a database, a queue, another's API
 * @property {number} count of its spans, or of calls to it
 *
 * @typedef {object} Call
 * @property {string} from
 * @property {string} to
 * @property {boolean} link whether it is by links alone
 * @property {number[]} times in ms, the shortest first
 * @property {number} errors
 */

/** What a client span calls, by the first of these attributes that it has. */
const CALLED = [
  "peer.service", "messaging.destination.name", "db.system.name", "db.system", "rpc.service",
  "server.address", "net.peer.name",
];

/**
 * @param {Span[]} spans
 * @param {(link: SpanLink) => Span | null} linked
 */
function callsOf(spans, linked) {
  /** @type {Map<string, Service>} */
  const nodes = new Map();
  /** @type {Map<string, Call>} */
  const calls = new Map();

  /**
   * @param {string} name
   * @param {boolean} outside
   */
  function node(name, outside) {
    const made = nodes.get(name) ?? { name, outside, count: 0 };
    made.outside &&= outside;
    nodes.set(name, made);
    return made;
  }

  /**
   * @param {string} from
   * @param {string} to
   * @param {Span} span
   * @param {boolean} link
   */
  function call(from, to, span, link) {
    const key = JSON.stringify([from, to]);
    const made = calls.get(key) ?? { from, to, link, times: [], errors: 0 };
    calls.set(key, made);
    made.link &&= link;
    made.times.push(span.took);
    made.errors += Number(span.failed);
  }

  for (const span of spans) {
    node(span.service, false).count += 1;
    // A span is one call of a service, however many links lead to that.
    const callers = new Set([span.service]);
    for (const [from, link] of /** @type {[Span | null, boolean][]} */ ([
      [span.parent, false], ...span.links.map((one) => [linked(one), true]),
    ])) {
      if (!from || callers.has(from.service)) continue;
      callers.add(from.service);
      call(from.service, span.service, span, link);
    }
    const called = calledBy(span);
    if (called) {
      node(called, true).count += 1;
      call(span.service, called, span, false);
    }
  }
  for (const { times } of calls.values()) times.sort((a, b) => a - b);
  return { nodes: [...nodes.values()], calls: [...calls.values()] };
}

/**
 * What a client's span calls, where that has no span here.
 * @param {Span} span
 */
function calledBy(span) {
  if (span.kind !== "CLIENT" && span.kind !== "PRODUCER") return "";
  if (span.children.some((child) => child.service !== span.service)) return "";
  const name = CALLED.find((key) => plain(span.attributes[key]) !== "");
  return name ? plain(span.attributes[name]) : "";
}
