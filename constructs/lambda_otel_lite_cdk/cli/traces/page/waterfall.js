// The spans of one trace on a scale of time that can be zoomed.

/** @param {(span: Span) => void} choose called when the user picks a span */
function waterfall(choose) {
  const list = windowed($("spans"), row, choose);
  const overview = minimap((time, part) => {
    const host = $("spans");
    host.scrollTop = part * host.scrollHeight - host.clientHeight / 2;
    const middle = time * trace.length;
    if (to - from < trace.length) view(middle - (to - from) / 2, middle + (to - from) / 2);
  });
  /** @type {Set<Span>} */
  const folded = new Set();
  /** @type {Set<Span>} */
  let found = new Set();
  // Nothing of this is on the page before a trace is shown.
  let trace = /** @type {Trace} */ (/** @type {unknown} */ (null));
  // The part of the trace that can be seen, in ms from its start.
  let from = 0;
  let to = 1;
  // Those of the trace when it was drawn: more of it may have come since.
  let start = 0n;
  let length = 1;

  /** @param {Span} span */
  function row(span) {
    const scale = 100 / (to - from);
    const left = (span.offset - from) * scale;
    const width = Math.max(span.took, 0) * scale;
    const bar = element("div", { class: `bar ${colour(span.service)} ${span.failed ? "failed" : ""}` });
    // Only what can be seen: a browser does not draw boxes of any width.
    const begins = Math.max(left, -1);
    // A span at the very end can be seen too, however short it is.
    bar.style.left = `min(${begins}%, 100% - 3px)`;
    bar.style.width = `${Math.max(Math.min(left + width, 101) - begins, 0)}%`;
    const text = element("span", { class: "bar-text" }, duration(span.took));
    const after = Math.min(left + width, 100);
    if (after < 82) text.style.left = `calc(${Math.max(after, 0)}% + 8px)`;
    else if (begins > 18) text.style.right = `calc(${100 - begins}% + 6px)`;
    else { text.style.right = "8px"; text.classList.add("inside"); }
    const outside = left > 100 || left + width < 0;
    const label = element("div", { class: "label" },
      element("button", {
        type: "button", class: "twisty", tabindex: "-1", "aria-hidden": "true",
        onclick: (event) => { event.stopPropagation(); fold(span, !folded.has(span)); },
      }, span.children.length ? (folded.has(span) ? "▸" : "▾") : ""),
      element("i", { class: `dot ${colour(span.service)}` }),
      element("span", { class: "name", title: `${span.service}: ${span.name}` }, ...marked(span.name || "(no name)", "name"), " ",
        element("small", {}, ...marked(span.service, "service"))),
      span.failed ? element("span", { class: "badge failed", title: "error" },
        element("span", { class: "cross", "aria-hidden": "true" }, "✕"), element("span", { class: "visually-hidden" }, "error")) : null,
      folded.has(span) && span.failedBelow
        ? element("span", { class: "badge failed inside-badge", title: "in the spans below it" }, `${plural(span.failedBelow, "error")} inside`) : null,
      span.cold ? element("span", { class: "badge cold" }, "cold") : null,
      oddities(span).length ? element("span", { class: "badge odd", title: oddities(span).join(" ") }, "!") : null);
    label.style.setProperty("--depth", String(Math.min(span.depth, 12)));
    const marks = span.events.map((event) => {
      const mark = element("i", { class: "mark", title: event.name, "aria-hidden": "true" });
      mark.style.left = `${(Number(BigInt(event.time_ns) - trace.start) / MS - from) * scale}%`;
      return mark;
    });
    for (const line of span.logs) {
      const mark = element("i", { class: "mark log", title: `${line.level} ${line.message}`.trim(), "aria-hidden": "true" });
      mark.style.left = `${(span.offset + offsetOf(span, line) - from) * scale}%`;
      marks.push(mark);
    }
    return element("div", {
      class: `row ${span.failed ? "has-error" : ""} ${found.has(span) ? "hit" : ""}`, role: "treeitem", "aria-level": span.depth + 1,
      "aria-expanded": span.children.length ? String(!folded.has(span)) : null,
    }, label, element("div", { class: "lane" }, outside ? null : bar, ...(outside ? [] : marks), outside ? null : text));
  }

  /**
   * @param {Span} span
   * @param {boolean} on
   */
  function fold(span, on) {
    if (on && span.children.length) folded.add(span);
    else folded.delete(span);
    list.set(rows(), list.current());
  }

  /** The spans that are not folded away, which the overview shows too. */
  function rows() {
    const shown = visibleSpans(trace, folded);
    overview.show(trace, shown);
    return shown;
  }

  /**
   * @param {number} first in ms from the start of the trace
   * @param {number} last
   */
  function view(first, last) {
    ({ start, length } = trace);
    const least = length / 100000;
    const size = Math.min(Math.max(last - first, least), length);
    from = Math.min(Math.max(first, 0), length - size);
    to = from + size;
    $("zoom-fit").disabled = size >= trace.length;
    $("zoom-out").disabled = size >= trace.length;
    drawTicks();
    list.draw();
    overview.frame(from, to);
  }

  /** @param {number} factor */
  function zoom(factor, around = (from + to) / 2) {
    view(around - (around - from) * factor, around + (to - around) * factor);
  }

  function drawTicks() {
    const ticks = $("ticks");
    const wanted = Math.max(2, Math.floor(ticks.clientWidth / 110));
    const raw = (to - from) / wanted;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw) || 10 * power;
    ticks.replaceChildren();
    for (let at = Math.ceil(from / step) * step; at <= to + step / 1000; at += step) {
      const left = (100 * (at - from)) / (to - from);
      const room = ticks.clientWidth * (1 - left / 100) > 60;
      const tick = element("span", { class: "tick" }, room ? roundDuration(at, step) : "");
      tick.style.left = `${left}%`;
      ticks.append(tick);
    }
    const pixels = ticks.clientWidth / (to - from);
    $("spans").style.setProperty("--step", `${step * pixels}px`);
    $("spans").style.setProperty("--shift", `${(Math.ceil(from / step) * step - from) * pixels}px`);
  }

  /** @param {MouseEvent} event */
  function timeAt(event) {
    const box = $("ticks").getBoundingClientRect();
    return from + ((event.clientX - box.left) / box.width) * (to - from);
  }

  $("ticks").addEventListener("pointerdown", (event) => {
    const ticks = $("ticks");
    const pressed = timeAt(event);
    const range = element("div", { class: "range" });
    ticks.append(range);
    ticks.setPointerCapture(event.pointerId);
    const drag = new AbortController();
    ticks.addEventListener("pointermove", (moved) => {
      const at = timeAt(moved);
      range.style.left = `${(100 * (Math.min(pressed, at) - from)) / (to - from)}%`;
      range.style.width = `${(100 * Math.abs(at - pressed)) / (to - from)}%`;
    }, { signal: drag.signal });
    ticks.addEventListener("pointerup", (ended) => {
      drag.abort();
      range.remove();
      const at = timeAt(ended);
      if (Math.abs(at - pressed) > (to - from) / 100) view(Math.min(pressed, at), Math.max(pressed, at));
    }, { signal: drag.signal });
  });
  $("ticks").addEventListener("dblclick", () => view(0, trace.length));
  $("spans").addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const by = Math.sign(event.deltaY || event.deltaX) * (to - from) / 10;
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
    else view(from + by, to + by);
  }, { passive: false });

  const aroundSpan = () => {
    const span = list.current();
    return span ? span.offset + Math.max(span.took, 0) / 2 : undefined;
  };
  const zoomIn = () => zoom(0.5, aroundSpan());
  const zoomOut = () => zoom(2);
  const fit = () => view(0, trace.length);
  /** @type {Record<string, () => void>} */
  const keys = {
    "+": zoomIn, "=": zoomIn, "-": zoomOut, 0: fit,
    "[": () => view(from - (to - from) / 4, to - (to - from) / 4),
    "]": () => view(from + (to - from) / 4, to + (to - from) / 4),
    ArrowLeft: () => move(true), ArrowRight: () => move(false),
  };

  /**
   * As in every tree: left folds, then goes to the parent; right unfolds, then goes to a child.
   * @param {boolean} left
   */
  function move(left) {
    const span = list.current();
    if (!span) return;
    if (span.children.length && folded.has(span) !== left) fold(span, left);
    else if (left && span.parent) choose(span.parent);
    else if (!left && span.children[0]) choose(span.children[0]);
  }
  $("spans").addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (event.ctrlKey || event.metaKey || !act) return;
    event.preventDefault();
    act();
  });
  $("zoom-in").addEventListener("click", zoomIn);
  $("zoom-out").addEventListener("click", zoomOut);
  $("zoom-fit").addEventListener("click", fit);
  new ResizeObserver(() => trace && drawTicks()).observe($("ticks"));

  return {
    /** @param {Trace} shown */
    show(shown) {
      trace = shown;
      folded.clear();
      found = hits(trace, searching.query);
      list.set(rows(), null);
      view(0, trace.length);
    },
    /** @param {Span | null} span */
    select(span) {
      let opened = false;
      for (let above = span?.parent; above; above = above.parent) opened = folded.delete(above) || opened;
      if (opened) list.set(rows(), span);
      else list.select(span);
    },
    /** Mark what is searched for. */
    mark() {
      found = hits(trace, searching.query);
      list.draw();
    },
    /** @param {Span} span */
    isFound: (span) => found.has(span),
    /** Show what has come to the trace; what can be seen stays. */
    refresh() {
      const moved = Number(start - trace.start) / MS;
      const whole = from === 0 && to === length;
      found = hits(trace, searching.query);
      list.update(rows());
      if (whole) view(0, trace.length);
      else view(from + moved, to + moved);
    },
    current: list.current,
    /** Draw with other colours. */
    recolour: overview.draw,
  };
}
