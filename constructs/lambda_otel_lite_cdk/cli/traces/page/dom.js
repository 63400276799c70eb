// The few things that all parts of the page build with. Text is only ever set as text.

const $ = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Every service has the same colour everywhere.
const colours = new Map();
const COLOURS = 8;
function colour(service) {
  if (!colours.has(service)) colours.set(service, `s${colours.size % COLOURS}`);
  return colours.get(service);
}

// A list of any length in a scrolling box, of which only what can be seen is in the page.
// Its row is as high as the style sheet's --row on that box.
function windowed(host, render, choose) {
  const inner = element("div", { class: "inner", role: "presentation" });
  host.append(inner);
  let items = [];
  let selected = -1;
  const height = () => parseFloat(getComputedStyle(host).getPropertyValue("--row"));

  function draw() {
    const row = height();
    const first = Math.max(0, Math.floor(host.scrollTop / row) - 5);
    const last = Math.min(items.length, Math.ceil((host.scrollTop + host.clientHeight) / row) + 5);
    inner.replaceChildren();
    for (let index = first; index < last; index++) {
      const made = render(items[index], index === selected);
      made.id = `${host.id}-${index}`;
      made.style.top = `${index * row}px`;
      made.setAttribute("aria-selected", index === selected);
      made.setAttribute("aria-setsize", items.length);
      made.setAttribute("aria-posinset", index + 1);
      made.addEventListener("click", () => choose(items[index]));
      inner.append(made);
    }
    if (selected < 0) host.removeAttribute("aria-activedescendant");
    else host.setAttribute("aria-activedescendant", `${host.id}-${selected}`);
  }

  function select(item) {
    selected = items.indexOf(item);
    reveal();
  }

  function reveal() {
    const row = height();
    // Before the row is scrolled to, the box must be as high as its rows are now.
    inner.style.height = `${items.length * row}px`;
    if (selected >= 0) {
      const below = (selected + 1) * row - host.clientHeight;
      host.scrollTop = Math.min(Math.max(host.scrollTop, below), selected * row);
    }
    draw();
  }

  function move(step) {
    if (!items.length) return;
    choose(items[Math.min(Math.max(selected + step, 0), items.length - 1)]);
  }

  host.addEventListener("scroll", draw);
  new ResizeObserver(reveal).observe(host);
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(host.clientHeight / height()) - 1);
    const steps = {
      ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page,
      Home: -Infinity, End: Infinity,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    move(steps[event.key]);
  });
  return {
    draw, select,
    set(list, item) { items = list; select(item); },
    current: () => items[selected],
  };
}
