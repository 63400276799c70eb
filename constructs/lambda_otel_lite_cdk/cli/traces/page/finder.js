// From match to match, and from error to error, within the open trace.

/** @typedef {"match" | "error"} Kind */

/**
 * @param {(span: Span) => boolean} isFound
 * @param {(span: Span) => void} choose called with the span to go to
 */
function finder(isFound, choose) {
  /** @type {Record<Kind, { many: string, wanted: (span: Span) => boolean }>} */
  const kinds = {
    match: { many: "matches", wanted: isFound },
    error: { many: "errors", wanted: (span) => span.failed },
  };
  /**
   * All spans of the trace from the top down, folded ones too.
   * @type {Span[]}
   */
  let ordered = [];
  /** @type {Span | null} */
  let current = null;

  /**
   * Go to the next of a kind, from the last to the first.
   * @param {Kind} kind
   * @param {boolean} backwards
   */
  function next(kind, backwards) {
    const { wanted } = kinds[kind];
    const at = current ? ordered.indexOf(current) : -1;
    const after = at < 0 ? ordered : [...ordered.slice(at + 1), ...ordered.slice(0, at)];
    const span = backwards ? after.findLast(wanted) : after.find(wanted);
    if (span) choose(span);
    else if (current && wanted(current)) say(`This is the only ${kind} in this trace`);
    else if (kind === "match" && isEmpty(searching.query)) say("Nothing is searched for");
    else say(`No ${kind} in this trace`);
  }

  const none = element("span", { class: "no-match" }, "No match in this trace");
  const shown = (/** @type {Kind[]} */ (["match", "error"])).map((kind) => {
    const place = element("span", { class: "at" });
    const host = element("span", { class: `found-${kind}` },
      step(kind, true, `Previous ${kind}`, "‹"), place, step(kind, false, `Next ${kind}`, "›"));
    return { kind, place, host };
  });
  $("finder").append(none, ...shown.map(({ host }) => host));

  function draw() {
    for (const { kind, place, host } of shown) {
      const { many, wanted } = kinds[kind];
      const all = ordered.filter(wanted);
      const at = current ? all.indexOf(current) : -1;
      const count = `${all.length.toLocaleString("en")} ${all.length === 1 ? kind : many}`;
      host.hidden = !all.length;
      place.textContent = `${at < 0 ? "" : `${(at + 1).toLocaleString("en")} of `}${count}`;
      // Its width stays, so that the buttons stay under the mouse.
      place.style.minWidth = `${`${all.length.toLocaleString("en")} of ${count}`.length}ch`;
      if (kind === "match") none.hidden = all.length > 0 || isEmpty(searching.query);
    }
  }

  /**
   * @param {Kind} kind
   * @param {boolean} backwards
   * @param {string} name
   * @param {string} sign
   */
  function step(kind, backwards, name, sign) {
    const id = `${backwards ? "previous" : "next"}-${kind}`;
    return element("button", { type: "button", id, "aria-label": name, onclick: () => next(kind, backwards) }, sign);
  }

  return {
    next,
    /** @param {Trace} trace */
    show(trace) {
      ordered = visibleSpans(trace, new Set());
      draw();
    },
    /** @param {Span | null} span */
    select(span) {
      current = span;
      draw();
    },
  };
}
