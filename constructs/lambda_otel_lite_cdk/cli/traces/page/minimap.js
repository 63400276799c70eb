// A long trace as a whole: each row a line, errors in front, and a frame around what can be seen.

/** A trace with fewer spans is seen as a whole anyway. */
const LONG = 40;

/** @param {(time: number, row: number) => void} goTo called with parts of the width and height */
function minimap(goTo) {
  const host = $("minimap");
  const canvas = /** @type {HTMLCanvasElement} */ (element("canvas"));
  const frame = element("div", { class: "minimap-frame" });
  const probe = element("i");
  probe.hidden = true;
  host.append(canvas, frame, probe);
  /** @type {Span[]} */
  let rows = [];
  let length = 1;
  let from = 0;
  let to = 1;

  function draw() {
    if (host.hidden) return;
    const scale = devicePixelRatio;
    const [width, height] = [host.clientWidth * scale, host.clientHeight * scale];
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    if (!context) return;
    /** @type {Map<string, string>} */
    const fills = new Map();
    /** @param {string} style */
    const fillOf = (style) => {
      const fill = fills.get(style) ?? resolve(style);
      fills.set(style, fill);
      return fill;
    };
    const high = height / rows.length;
    // Errors last: nothing is drawn over them.
    for (const failed of [false, true]) {
      for (const [at, span] of rows.entries()) {
        if (span.failed !== failed) continue;
        context.fillStyle = fillOf(failed ? "fill failed" : `dot ${colour(span.service)}`);
        const least = (failed ? 3 : 1) * scale;
        const wide = Math.max((Math.max(span.took, 0) / length) * width, least);
        const left = Math.min((span.offset / length) * width, width - least);
        // On whole pixels, which are not blurred.
        context.fillRect(Math.floor(left), Math.floor(at * high), Math.ceil(wide), Math.ceil(Math.max(high * 0.8, least)));
      }
    }
    drawFrame();
  }

  /**
   * A canvas takes no variables of the style sheet.
   * @param {string} style
   */
  function resolve(style) {
    probe.className = style;
    return getComputedStyle(probe).backgroundColor;
  }

  function drawFrame() {
    const list = $("spans");
    const whole = Math.max(list.scrollHeight, 1);
    frame.style.left = `${(100 * from) / length}%`;
    frame.style.width = `${(100 * (to - from)) / length}%`;
    frame.style.top = `${(100 * list.scrollTop) / whole}%`;
    frame.style.height = `${Math.min((100 * list.clientHeight) / whole, 100)}%`;
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    const box = host.getBoundingClientRect();
    goTo((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  host.addEventListener("pointerdown", (event) => {
    host.setPointerCapture(event.pointerId);
    follow(event);
  });
  host.addEventListener("pointermove", (event) => {
    if (host.hasPointerCapture(event.pointerId)) follow(event);
  });
  $("spans").addEventListener("scroll", drawFrame);
  new ResizeObserver(draw).observe(host);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return {
    draw,
    /**
     * @param {Trace} trace
     * @param {Span[]} shown the rows of the chart
     */
    show(trace, shown) {
      rows = shown;
      ({ length } = trace);
      host.hidden = trace.spans.length < LONG;
      draw();
    },
    /**
     * @param {number} first in ms from the start of the trace
     * @param {number} last
     */
    frame(first, last) {
      from = first;
      to = last;
      drawFrame();
    },
  };
}
