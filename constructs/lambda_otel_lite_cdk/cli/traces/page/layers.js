// A place for each node of a graph: callers left of what they call, ways that cross little.

/**
 * @typedef {{ layer: number, place: number }} Spot
 * @typedef {{ from: string, to: string }} Edge
 */

const SWEEPS = 4;

/**
 * @template {Edge} E
 * @param {string[]} names
 * @param {E[]} edges
 * @returns {{ spots: Map<string, Spot>, ways: Map<E, Spot[]>, rows: Spot[][] }} a way leads through
 *     the layers between its ends; one that goes back has its ends alone
 */
function inLayers(names, edges) {
  const spots = new Map(downwards(names, edges).map((name) => [name, { layer: 0, place: 0 }]));
  const order = [...spots.keys()];
  const at = new Map(order.map((name, index) => [name, index]));
  /** @param {string} name */
  const spot = (name) => /** @type {Spot} */ (spots.get(name));
  const forward = edges.filter(({ from, to }) => (at.get(from) ?? 0) < (at.get(to) ?? 0));
  for (const name of order) {
    for (const { from, to } of forward) {
      if (from === name) spot(to).layer = Math.max(spot(to).layer, spot(from).layer + 1);
    }
  }
  /** @type {Spot[][]} */
  const rows = [];
  /** @param {Spot} one */
  const put = (one) => { (rows[one.layer] ??= []).push(one); return one; };
  for (const one of spots.values()) put(one);
  const ways = new Map(edges.map((edge) => {
    const [first, last] = [spot(edge.from), spot(edge.to)];
    const between = Array.from({ length: Math.max(last.layer - first.layer - 1, 0) },
      (_, index) => put({ layer: first.layer + 1 + index, place: 0 }));
    return [edge, [first, ...between, last]];
  }));
  settle(rows, [...ways.values()]);
  return { spots, ways, rows };
}

/**
 * The names so that callers come before what they call, but where they call in a circle.
 * @param {string[]} names
 * @param {Edge[]} edges
 */
function downwards(names, edges) {
  /** @type {Map<string, string[]>} */
  const next = new Map(names.map((name) => [name, []]));
  for (const { from, to } of edges) next.get(from)?.push(to);
  const called = new Set(edges.map(({ to }) => to));
  const seen = new Set();
  /** @type {string[]} */
  const order = [];
  // Those that nobody calls come first, so that a circle begins where it is entered.
  for (const start of names.toSorted((a, b) => Number(called.has(a)) - Number(called.has(b)))) {
    const waiting = [{ name: start, left: false }];
    for (let one = waiting.pop(); one; one = waiting.pop()) {
      if (one.left) order.unshift(one.name);
      if (one.left || seen.has(one.name)) continue;
      seen.add(one.name);
      waiting.push({ name: one.name, left: true }, ...(next.get(one.name) ?? []).map((name) => ({ name, left: false })));
    }
  }
  return order;
}

/**
 * Order each layer by where its neighbours are, to the left and to the right in turn.
 * @param {Spot[][]} rows
 * @param {Spot[][]} ways
 */
function settle(rows, ways) {
  for (const row of rows) for (const [place, one] of row.entries()) one.place = place;
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const step = sweep % 2 ? 1 : -1;
    for (const row of step < 0 ? rows : rows.toReversed()) {
      const wanted = new Map(row.map((one) => [one, wish(one, step, ways)]));
      row.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      for (const [place, one] of row.entries()) one.place = place;
    }
  }
}

/**
 * The mean of the places of a spot's neighbours on one side; its own where it has none.
 * @param {Spot} one
 * @param {number} step
 * @param {Spot[][]} ways
 */
function wish(one, step, ways) {
  const places = ways.map((way) => way[way.indexOf(one) + step] && way.includes(one) ? way[way.indexOf(one) + step] : undefined)
    .filter((other) => other !== undefined && other.layer === one.layer + step).map((other) => other?.place ?? 0);
  return places.length ? places.reduce((sum, place) => sum + place, 0) / places.length : one.place;
}
