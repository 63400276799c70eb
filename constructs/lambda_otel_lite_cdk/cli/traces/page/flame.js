// Where the time of a trace went: spans of one name below the same names are one block, as wide as
// the time in which they and all below them ran and none of their children did.

/**
 * @typedef {object} Frame
 * @property {string} service
 * @property {string} name
 * @property {number} self in ms, of its own spans
 * @property {number} total in ms, with all blocks below
 * @property {Span[]} spans
 * @property {number} errors
 * @property {string} key its service and name
 * @property {Frame | null} above
 * @property {Map<string, Frame>} below
 */

/** Blocks narrower than this part of the whole cannot be seen. */
const NARROW = 0.002;
const MOST_BLOCKS = 1000;
/** Names in the table below the blocks. */
const MOST_NAMES = 100;

/**
 * @param {string} service
 * @param {string} name
 * @param {Frame | null} above
 * @returns {Frame}
 */
function emptyFrame(service, name, above) {
  const key = JSON.stringify([service, name]);
  return { service, name, above, key, self: 0, total: 0, spans: [], errors: 0, below: new Map() };
}

/**
 * @param {Trace} trace
 * @returns {Frame} the whole trace, which has no spans of its own
 */
function framesOf(trace) {
  const whole = emptyFrame("", "Whole trace", null);
  const frames = [whole];
  /** @type {Map<Span, Frame>} */
  const of = new Map();
  // Parents come before their children.
  for (const span of visibleSpans(trace, new Set())) {
    const above = (span.parent && of.get(span.parent)) || whole;
    const made = emptyFrame(span.service, span.name, above);
    const frame = above.below.get(made.key) ?? made;
    if (frame === made) {
      above.below.set(made.key, made);
      frames.push(made);
    }
    of.set(span, frame);
    frame.spans.push(span);
    frame.self += span.self;
    frame.errors += Number(span.failed);
  }
  for (const frame of frames.toReversed()) {
    frame.total += frame.self;
    if (frame.above) frame.above.total += frame.total;
  }
  return whole;
}

/**
 * The block of another tree that is at the same place.
 * @param {Frame} frame
 * @param {Frame} whole
 */
function sameFrame(frame, whole) {
  const way = [];
  for (let one = frame; one.above; one = one.above) way.unshift(one.key);
  let found = whole;
  for (const key of way) found = found.below.get(key) ?? found;
  return found;
}

/** @param {(span: Span) => void} choose called with the span to go to */
function flameView(choose) {
  let whole = emptyFrame("", "", null);
  let zoomed = whole;
  /** @type {Trace | null} */
  let trace = null;

  function draw() {
    /** @type {HTMLElement[]} */
    const blocks = [];
    const above = [];
    for (let frame = zoomed.above; frame; frame = frame.above) above.unshift(frame);
    for (const [depth, frame] of above.entries()) blocks.push(block(frame, depth, 0, 1));
    /** @type {[Frame, number, number][]} */
    const waiting = [[zoomed, above.length, 0]];
    let deepest = above.length;
    // It grows as it is gone through: from the top down, as far as there is room.
    for (const [frame, depth, left] of waiting) {
      if (blocks.length >= MOST_BLOCKS) break;
      const width = part(frame, zoomed);
      if (width < NARROW && frame !== zoomed) continue;
      deepest = Math.max(deepest, depth);
      blocks.push(block(frame, depth, left, width));
      let at = left;
      for (const child of [...frame.below.values()].toSorted((a, b) => b.total - a.total)) {
        waiting.push([child, depth + 1, at]);
        at += part(child, zoomed);
      }
    }
    $("flame-blocks").style.setProperty("--rows", String(deepest + 1));
    redraw($("flame-blocks"), ...blocks);
  }

  /**
   * @param {Frame} frame
   * @param {number} depth
   * @param {number} left part of the width
   * @param {number} width
   */
  function block(frame, depth, left, width) {
    const { service, name, self, total, spans, errors } = frame;
    const share = `${duration(total)} in all${frame === whole ? "" : `, ${duration(self)} of its own in ${plural(spans.length, "span")}`}`;
    const title = `${service ? `${service}: ` : ""}${name || "(no name)"}, ${share}${errors ? `, ${plural(errors, "error")}` : ""}`;
    const made = element("button", {
      type: "button", class: `block ${service ? colour(service) : "whole"} ${errors ? "has-error" : ""} ${frame === zoomed ? "zoomed" : ""}`,
      title, "aria-label": title, tabindex: frame === zoomed ? 0 : -1,
      onclick: () => zoom(frame === zoomed && frame.above ? frame.above : frame),
    }, element("span", {}, ...marked(name || "(no name)", "name"), " "), element("small", {}, width > 0.12 ? duration(total) : ""));
    made.style.left = `${100 * left}%`;
    made.style.width = `max(${100 * width}% - 1px, 2px)`;
    made.style.top = `calc(var(--block) * ${depth})`;
    made.dataset.depth = String(depth);
    made.dataset.key = `${depth} ${frame.key}`;
    return made;
  }

  /** @param {Frame} frame */
  function zoom(frame) {
    zoomed = frame;
    draw();
    /** @type {HTMLElement | null} */
    const shown = $("flame-blocks").querySelector(".zoomed");
    shown?.focus();
  }

  function drawTable() {
    if (!trace) return;
    const groups = groupByName(trace.spans).toSorted((a, b) => b.self - a.self);
    const all = groups.reduce((sum, group) => sum + group.self, 0) || 1;
    const rows = groups.slice(0, MOST_NAMES).map((group) => {
      const fill = element("div", { class: `fill ${colour(group.service)}` });
      fill.style.width = `${(100 * group.self) / all}%`;
      return element("tr", {},
        element("th", { scope: "row" },
          element("button", { type: "button", class: "jump-name", "data-key": `${group.service}\n${group.name}`, onclick: () => choose(busiest(group)) },
            element("i", { class: `dot ${colour(group.service)}` }), ...marked(group.name || "(no name)", "name"), " ",
            element("small", {}, ...marked(group.service, "service")))),
        element("td", {}, group.times.length.toLocaleString("en")),
        element("td", { class: group.errors ? "some" : "" }, group.errors.toLocaleString("en")),
        element("td", {}, duration(group.self)),
        element("td", { class: "share" }, element("span", {}, `${((100 * group.self) / all).toFixed(1)} %`), element("div", { class: "track" }, fill)));
    });
    redraw($("flame-rows"), ...rows);
    $("flame-more").textContent = groups.length > MOST_NAMES ? `${plural(groups.length - MOST_NAMES, "name")} with less time not shown.` : "";
  }

  /** @param {Group} group */
  function busiest({ service, name }) {
    const spans = /** @type {Trace} */ (trace).spans.filter((span) => span.service === service && span.name === name);
    return spans.reduce((most, span) => span.self > most.self ? span : most);
  }

  $("flame-blocks").addEventListener("keydown", (event) => {
    const from = /** @type {HTMLElement} */ (event.target);
    const to = neighbour(from, event.key);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    to.focus();
  });

  return {
    /** @param {Trace} shown */
    show(shown) {
      whole = framesOf(shown);
      zoomed = shown === trace ? sameFrame(zoomed, whole) : whole;
      trace = shown;
      draw();
      drawTable();
    },
  };
}

/**
 * @param {Frame} frame
 * @param {Frame} of
 */
function part(frame, of) {
  return of.total ? frame.total / of.total : 0;
}

/**
 * The block that an arrow key leads to: the nearest above, below or beside.
 * @param {HTMLElement} block
 * @param {string} key
 */
function neighbour(block, key) {
  const down = { ArrowDown: 1, ArrowUp: -1 }[key] ?? 0;
  const right = { ArrowRight: 1, ArrowLeft: -1 }[key] ?? 0;
  if (!down && !right) return null;
  const { left, right: end } = block.getBoundingClientRect();
  const row = String(Number(block.dataset.depth) + down);
  const others = /** @type {HTMLElement[]} */ ([...(block.parentElement?.children ?? [])])
    .filter((other) => other !== block && other.dataset.depth === row)
    .map((other) => ({ other, box: other.getBoundingClientRect() }))
    .toSorted((a, b) => a.box.left - b.box.left);
  const found = right > 0 ? others.find(({ box }) => box.left > left)
    : right < 0 ? others.findLast(({ box }) => box.left < left)
    : others.find(({ box }) => box.right > left + 1 && box.left < end - 1);
  return found?.other ?? null;
}
