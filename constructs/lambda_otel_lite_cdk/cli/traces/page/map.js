// The map of services, drawn from spans.

/** The part of calls that fail from which on the whole way is drawn as failed. */
const OFTEN = 0.05;
/** Sizes in px; boxes are as large as the style sheet's. */
const NODE = { width: 170, height: 46, across: 250, down: 70, edge: 16, back: 60 };

const TEXT = { width: 70, height: 15 };

/** @typedef {{ x: number, y: number }} Corner */

/**
 * @param {() => Span[]} all gives the spans of all traces that are listed
 * @param {(link: SpanLink) => Span | null} linked
 * @param {(service: string) => void} choose called when the user picks a service
 */
function serviceMap(all, linked, choose) {
  /** @type {Trace | null} */
  let trace = null;
  let listed = false;

  function draw() {
    if (!trace) return;
    const { nodes, calls } = callsOf(listed ? all() : trace.spans, linked);
    const { spots, ways, rows } = inLayers(nodes.map(({ name }) => name), calls);
    const most = Math.max(...rows.map((row) => row.length));
    const goesBack = [...ways.values()].some(([first, last]) => first && last && last.layer <= first.layer);
    const width = (rows.length - 1) * NODE.across + NODE.width + 2 * NODE.edge;
    const height = (most - 1) * NODE.down + NODE.height + 2 * NODE.edge + (goesBack ? NODE.back : 0);
    /**
     * The left upper corner.
     * @param {Spot} spot
     */
    const corner = ({ layer, place }) => ({
      x: NODE.edge + layer * NODE.across,
      y: NODE.edge + ((most - (rows[layer]?.length ?? 0)) / 2 + place) * NODE.down,
    });
    /** @type {Map<Call, Corner[]>} */
    const corners = new Map([...ways].map(([call, way]) => [call, way.map(corner)]));
    const drawn = calls.map((call) => line(call, corners));
    apart(drawn);
    const svg = drawing("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      ...drawn.flatMap(({ path, head }) => [path, head]));
    const boxes = nodes.map((node) => box(node, calls, corner(/** @type {Spot} */ (spots.get(node.name)))));
    const canvas = element("div", { class: "map-canvas" }, svg, ...drawn.map(({ text }) => text), ...boxes);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    redraw($("map-drawing"), canvas);
    $("map-rows").replaceChildren(...calls.toSorted((a, b) => b.times.length - a.times.length).map(callRow));
    $("map-none").hidden = calls.length > 0;
    $("map-table").hidden = !calls.length;
  }

  /**
   * @param {Service} node
   * @param {Call[]} calls
   * @param {Corner} place
   */
  function box({ name, outside, count }, calls, place) {
    const errors = calls.filter(({ to }) => to === name).reduce((sum, call) => sum + call.errors, 0);
    const what = outside ? plural(count, "call") : plural(count, "span");
    const made = element(outside ? "div" : "button", {
      class: `node ${outside ? "outside" : colour(name)} ${errors && errors >= count * OFTEN ? "failed" : ""}`, title: outside ? name : `Search for ${name}`, "data-key": name,
      ...(outside ? {} : { type: "button", onclick: () => choose(name) }),
    },
    element("span", { class: "node-name" }, name), " ",
    element("small", {}, what, errors ? element("b", {}, `, ${plural(errors, "error")}`) : null));
    made.style.left = `${place.x}px`;
    made.style.top = `${place.y}px`;
    return made;
  }

  for (const [id, on] of /** @type {[string, boolean][]} */ ([["map-trace", false], ["map-listed", true]])) {
    $(id).addEventListener("click", () => {
      listed = on;
      $("map-trace").setAttribute("aria-pressed", String(!on));
      $("map-listed").setAttribute("aria-pressed", String(on));
      draw();
    });
  }
  return {
    /** @param {Trace} shown */
    show(shown) {
      trace = shown;
      draw();
    },
  };
}

/**
 * Where on the side of a box one of several ways begins or ends: in the order of their other ends.
 * @param {Call} call
 * @param {"from" | "to"} side
 * @param {Map<Call, Corner[]>} corners
 */
function slot(call, side, corners) {
  const far = side === "from" ? 1 : -2;
  const all = [...corners].filter(([other]) => other[side] === call[side])
    .toSorted(([, a], [, b]) => (a.at(far)?.y ?? 0) - (b.at(far)?.y ?? 0)).map(([other]) => other);
  return (NODE.height * (all.indexOf(call) + 1)) / (all.length + 1);
}

/**
 * @param {Call} call
 * @param {Map<Call, Corner[]>} corners those of the boxes on each call's way
 */
function line(call, corners) {
  const { link, times, errors } = call;
  const way = corners.get(call) ?? [];
  const [first, last] = /** @type {[Corner, Corner]} */ ([way[0], way.at(-1)]);
  const failed = errors > 0 && errors >= times.length * OFTEN;
  let d, x, y, tip;
  if (last.x <= first.x) {
    // What goes back goes below the boxes.
    const [x1, x2, y1, y2] = [first.x + NODE.width / 2, last.x + NODE.width / 3, first.y + NODE.height, last.y + NODE.height + 2];
    d = `M${x1} ${y1}C${x1} ${y1 + NODE.back} ${x2} ${y2 + NODE.back} ${x2} ${y2}`;
    [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2 + NODE.back * 0.75];
    tip = `M${x2} ${y2}l-4 8h8z`;
  } else {
    const points = [
      { x: first.x + NODE.width, y: first.y + slot(call, "from", corners) },
      ...way.slice(1, -1).flatMap((box) => [box, { x: box.x + NODE.width, y: box.y }]
        .map((point) => ({ x: point.x, y: point.y + NODE.height / 2 }))),
      { x: last.x - 2, y: last.y + slot(call, "to", corners) },
    ];
    d = curve(points);
    // In the last gap, where ways to one box are still apart.
    const [before, end] = /** @type {[Corner, Corner]} */ (points.slice(-2));
    [x, y] = [(before.x + end.x) / 2, (before.y + end.y) / 2];
    tip = `M${end.x} ${end.y}l-8 -4v8z`;
  }
  const path = drawing("path", {
    d, class: `call ${failed ? "failed" : ""} ${link ? "link" : ""}`,
    "stroke-width": Math.min(1 + Math.log10(times.length), 4).toFixed(1),
  });
  const head = drawing("path", { d: tip, class: `arrow ${failed ? "failed" : ""}` });
  // The table below says the same in words.
  const text = element("span", { class: `call-text ${errors ? "failed" : ""}`, "aria-hidden": "true" },
    times.length.toLocaleString("en") + (errors ? ` · ${errors.toLocaleString("en")} ✕` : ""));
  return { path, head, text, x, y };
}

/**
 * Place texts so that none covers another: where ways cross, the later one goes below.
 * @param {{ text: HTMLElement, x: number, y: number }[]} texts
 */
function apart(texts) {
  /** @type {{ x: number, y: number }[]} */
  const placed = [];
  for (const { text, x, y } of texts.toSorted((a, b) => a.y - b.y)) {
    const below = placed.filter((other) => Math.abs(other.x - x) < TEXT.width).map((other) => other.y + TEXT.height);
    const free = Math.max(y, ...below);
    placed.push({ x, y: free });
    text.style.left = `${x}px`;
    text.style.top = `${free}px`;
  }
}

/** @param {Corner[]} points through which it goes level */
function curve([start, ...points]) {
  let d = `M${start?.x} ${start?.y}`;
  let { x: from, y } = start ?? { x: 0, y: 0 };
  for (const point of points) {
    const middle = (from + point.x) / 2;
    d += `C${middle} ${y} ${middle} ${point.y} ${point.x} ${point.y}`;
    ({ x: from, y } = point);
  }
  return d;
}

/** @param {Call} call */
function callRow({ from, to, link, times, errors }) {
  return element("tr", {},
    element("th", { scope: "row" }, `${from} → ${to}`, link ? " (link)" : null),
    element("td", {}, times.length.toLocaleString("en")),
    element("td", { class: errors ? "some" : "" }, errors.toLocaleString("en")),
    ...[0.5, 0.95, 1].map((rank) => element("td", {}, duration(percentile(times, rank)))));
}
