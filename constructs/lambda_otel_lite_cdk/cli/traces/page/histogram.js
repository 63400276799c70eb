// How often each of many values comes, of which a part can be chosen.

const BINS = 40;
/** The part of the width in which an end is meant. */
const EDGE = 0.015;

/**
 * @typedef {{ value: number, failed: boolean }} Point
 * @typedef {[number, number]} Part both ends belong to it
 */

/**
 * @param {HTMLElement} host
 * @param {object} scale
 * @param {string} scale.label
 * @param {boolean} scale.logarithmic
 * @param {(value: number) => string} scale.text
 * @param {() => void} changed called when the user chooses a part
 */
function histogram(host, { label, logarithmic, text }, changed) {
  const toScale = logarithmic ? (/** @type {number} */ value) => Math.log10(Math.max(value, 0.001)) : Number;
  const fromScale = logarithmic ? (/** @type {number} */ at) => 10 ** at : Number;
  const bars = drawing("svg", { viewBox: `0 0 ${BINS} 1`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const brush = element("div", { class: "brush" });
  const lane = element("div", { class: "histogram-lane", title: "Drag to choose a part" }, bars, brush);
  const ends = [0, 1].map((end) => element("input", {
    type: "range", min: 0, max: BINS, step: 1, class: "visually-hidden",
    "aria-label": `${label} ${end ? "to" : "from"}`, oninput: () => chooseBins(),
  }));
  const [low, high] = /** @type {[HTMLInputElement, HTMLInputElement]} */ (ends);
  const first = element("span");
  const last = element("span");
  const clear = element("button", { type: "button", class: "clear", onclick: () => choose(null) }, "All");
  const chosenText = element("span", { class: "chosen" });
  host.append(
    element("div", { class: "histogram-head" }, element("span", {}, label), chosenText, clear),
    lane, element("div", { class: "histogram-scale" }, first, last), low, high,
  );
  /** @type {Part | null} */
  let chosen = null;
  let lowest = 0;
  let highest = 0;
  // On the scale.
  let least = 0;
  let size = 1;

  /** @param {Part | null} range */
  function choose(range) {
    chosen = range;
    changed();
  }

  function chooseBins() {
    const [from, to] = [Number(low.value), Number(high.value)].toSorted((a, b) => a - b);
    if (from === 0 && to === BINS) choose(null);
    else choose([valueAt((from ?? 0) / BINS), valueAt((to ?? 0) / BINS)]);
  }

  /** @param {number} part of the width */
  function valueAt(part) {
    // The ends themselves, as no rounding may leave out the last.
    if (part < EDGE) return lowest;
    return part > 1 - EDGE ? highest : fromScale(least + part * size);
  }

  /** @param {number} value */
  function partOf(value) {
    return Math.min(Math.max((toScale(value) - least) / size, 0), 1);
  }

  /** @param {Point[]} points */
  function draw(points) {
    const [{ value: some } = { value: 0 }] = points;
    lowest = points.reduce((a, { value }) => Math.min(a, value), some);
    highest = points.reduce((a, { value }) => Math.max(a, value), some);
    least = toScale(lowest);
    size = Math.max(toScale(highest) - least, 1e-9);
    const bins = Array.from({ length: BINS }, () => ({ all: 0, failed: 0 }));
    for (const { value, failed } of points) {
      const bin = bins[Math.min(Math.floor(partOf(value) * BINS), BINS - 1)];
      if (!bin) continue;
      bin.all += 1;
      bin.failed += Number(failed);
    }
    const most = bins.reduce((top, bin) => Math.max(top, bin.all), 1);
    bars.replaceChildren(...bins.flatMap(({ all, failed }, at) => [bar(at, all, most, "all"), bar(at, failed, most, "failed")]));
    first.textContent = points.length ? text(valueAt(0)) : "";
    last.textContent = points.length ? text(valueAt(1)) : "";
    drawBrush();
  }

  function drawBrush() {
    const [from, to] = chosen ? [partOf(chosen[0]), partOf(chosen[1])] : [0, 1];
    brush.hidden = !chosen;
    brush.style.left = `${100 * from}%`;
    brush.style.width = `${100 * (to - from)}%`;
    clear.hidden = !chosen;
    chosenText.textContent = chosen ? `${text(chosen[0])} – ${text(chosen[1])}` : "";
    low.value = String(Math.round(from * BINS));
    high.value = String(Math.round(to * BINS));
    for (const end of [low, high]) end.setAttribute("aria-valuetext", text(valueAt(Number(end.value) / BINS)));
  }

  /** @param {PointerEvent} event */
  function partAt(event) {
    const box = lane.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  }

  lane.addEventListener("pointerdown", (event) => {
    const from = partAt(event);
    lane.setPointerCapture(event.pointerId);
    const drag = new AbortController();
    lane.addEventListener("pointermove", (moved) => {
      const to = partAt(moved);
      if (Math.abs(to - from) < 0.01) return;
      choose([valueAt(Math.min(from, to)), valueAt(Math.max(from, to))]);
    }, { signal: drag.signal });
    for (const ended of ["pointerup", "pointercancel"]) {
      lane.addEventListener(ended, () => drag.abort(), { signal: drag.signal });
    }
  });
  lane.addEventListener("dblclick", () => choose(null));
  return {
    draw,
    /** @param {number} value */
    has: (value) => !chosen || (value >= chosen[0] && value <= chosen[1]),
    clear() { chosen = null; },
    chosen: () => chosen !== null,
  };
}

/**
 * @param {number} at the bin
 * @param {number} number
 * @param {number} most in any bin
 * @param {string} kind
 */
function bar(at, number, most, kind) {
  // One in a thousand can be seen too.
  const high = number ? Math.max(number / most, 0.06) : 0;
  return drawing("rect", { class: kind, x: at + 0.08, width: 0.84, y: 1 - high, height: high });
}
