// Spans by service and name, with how many, how many failed, and how long they took.

/**
 * @typedef {object} Group
 * @property {string} service
 * @property {string} name
 * @property {number[]} times in ms, the shortest first
 * @property {number} errors
 * @property {number} total in ms
 * @property {number} self in ms, in which no child of them ran
 */

/**
 * @param {Iterable<Span>} spans
 * @returns {Group[]}
 */
function groupByName(spans) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const { service, name, took, failed, self } of spans) {
    const key = JSON.stringify([service, name]);
    const group = groups.get(key) ?? { service, name, times: [], errors: 0, total: 0, self: 0 };
    groups.set(key, group);
    group.times.push(took);
    group.errors += Number(failed);
    group.total += took;
    group.self += self;
  }
  for (const group of groups.values()) group.times.sort((a, b) => a - b);
  return [...groups.values()];
}

/**
 * The nearest rank: the least value that this part of all does not exceed.
 * @param {number[]} sorted
 * @param {number} part from 0 to 1
 */
function percentile(sorted, part) {
  return sorted[Math.max(Math.ceil(part * sorted.length) - 1, 0)] ?? 0;
}

/** @type {Record<string, [string, (a: Group, b: Group) => number]>} */
const GROUP_ORDERS = {
  total: ["Most time", (a, b) => b.total - a.total],
  count: ["Most spans", (a, b) => b.times.length - a.times.length],
  errors: ["Most errors", (a, b) => b.errors - a.errors || b.times.length - a.times.length],
  p95: ["Slowest p95", (a, b) => percentile(b.times, 0.95) - percentile(a.times, 0.95)],
  name: ["Name", (a, b) => a.service.localeCompare(b.service) || a.name.localeCompare(b.name)],
};

/** @param {Group} group */
function groupRow(group) {
  const { times, errors, service, name } = group;
  return element(
    "div", { class: "row", role: "option" },
    element("div", { class: "line" },
      element("span", { class: "name", title: name }, ...marked(name || "(no name)", "name")),
      errors ? element("span", { class: "badge failed" }, plural(errors, "error")) : null,
      element("span", { class: "took" }, `${times.length.toLocaleString("en")}×`)),
    element("div", { class: "line dim" },
      element("span", { class: "name" }, element("i", { class: `dot ${colour(service)}` }), ...marked(service, "service"))),
    element("div", { class: "line dim quantiles" },
      ...[["p50", 0.5], ["p95", 0.95], ["p99", 0.99], ["max", 1]].map(([title, part]) =>
        element("span", {}, `${title} `, element("b", {}, duration(percentile(times, Number(part))))))));
}
