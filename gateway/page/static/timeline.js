// Rows of bars over time: zoomed by wheel, keys and buttons, moved by dragging. Only what is seen is drawn, and bars
// that are narrower than two points are drawn as one.

import { atNextFrame, button, el, replace, svg } from "./dom.js";
import { duration, plural, straight } from "./format.js";

const ROW = 26;
const BAR = 16;
const TOP = 26;
const NARROW = 2;
const SHOWN = 80;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 864e5, 6048e5];

export class Timeline {
  constructor(onopen) {
    this.onopen = onopen;
    this.rows = [];
    this.view = null;
    this.extent = [0, 1];
    this.selected = null;
    this.drawing = svg("svg", { class: "timeline", role: "group", tabindex: 0, "aria-label": "Timeline. Arrow keys move from bar to bar, Enter opens one, plus and minus zoom, 0 shows all." });
    this.hint = el("div", { class: "tip", hidden: true });
    this.node = el("div", { class: "timeline-box" },
      el("div", { class: "buttons zoom" }, button("+", () => this.zoom(0.5), { "aria-label": "Zoom in" }), button("−", () => this.zoom(2), { "aria-label": "Zoom out" }), button("All", () => this.fit(), { "aria-label": "Show all" }),
        el("span", { class: "legend", "aria-hidden": "true" }, ["queue", "attempt", "step", "model", "tool", "wait"].map((kind) => el("span", { class: "key", data: { kind } }, kind)), el("span", { class: "key", data: { kind: "cut" } }, "cut"))),
      this.drawing, this.hint);
    this.draw = () => this.render();
    this.listen();
    this.observer = new ResizeObserver(() => atNextFrame(this.draw));
    this.observer.observe(this.node);
  }

  listen() {
    this.drawing.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey && !event.metaKey) return;
      event.preventDefault();
      if (event.shiftKey) this.shift((event.deltaY || event.deltaX) / this.width);
      else this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event.offsetX));
    }, { passive: false });
    this.drawing.addEventListener("keydown", (event) => this.key(event));
    this.drawing.addEventListener("click", (event) => this.moved || this.open(event.target.closest("[data-bar]")));
    this.drawing.addEventListener("pointerdown", (event) => this.drag(event));
    this.drawing.addEventListener("pointermove", (event) => this.tip(event));
    this.drawing.addEventListener("pointerleave", () => (this.hint.hidden = true));
  }

  drag(event) {
    if (event.button) return;
    const from = event.clientX;
    const view = this.window;
    this.moved = false;
    const move = (at) => {
      if (Math.abs(at.clientX - from) > 4) this.moved = true;
      if (!this.moved) return;
      const by = ((from - at.clientX) / this.width) * (view[1] - view[0]);
      this.look(view[0] + by, view[1] + by);
    };
    const up = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      setTimeout(() => (this.moved = false));
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
  }

  // Who goes from bar to bar by keys is not interrupted: what is new is drawn when he goes on.
  show(rows, begin, end) {
    this.rows = rows;
    this.extent = [begin, Math.max(end, begin + 10)];
    if (!document.activeElement?.closest("[data-bar]")) atNextFrame(this.draw);
  }

  get window() {
    return this.view || this.extent;
  }

  look(from, to) {
    const [begin, end] = this.extent;
    const size = Math.min(to - from, end - begin);
    from = Math.max(begin, Math.min(from, end - size));
    this.view = size >= end - begin ? null : [from, from + size];
    atNextFrame(this.draw);
  }

  fit() {
    this.view = null;
    atNextFrame(this.draw);
  }

  zoom(factor, at) {
    const [from, to] = this.window;
    const around = at ?? (from + to) / 2;
    const size = Math.max(1, (to - from) * factor);
    const share = (around - from) / (to - from);
    this.look(around - size * share, around + size * (1 - share));
  }

  shift(by) {
    const [from, to] = this.window;
    this.look(from + by * (to - from), to + by * (to - from));
  }

  get gutter() {
    return this.node.clientWidth < 560 ? 96 : 170;
  }

  get width() {
    return Math.max(50, this.node.clientWidth - this.gutter - 12);
  }

  timeAt(x) {
    const [from, to] = this.window;
    return from + ((x - this.gutter) / this.width) * (to - from);
  }

  render() {
    const [from, to] = this.window;
    const rows = this.rows.slice(0, SHOWN);
    const height = TOP + rows.length * ROW + 6;
    const x = (time) => this.gutter + ((time - from) / (to - from)) * this.width;
    const focused = this.drawn?.[document.activeElement?.closest("[data-bar]")?.dataset.index]?.bars[0];
    this.drawn = [];
    this.drawing.setAttribute("height", height);
    this.drawing.setAttribute("width", this.node.clientWidth);
    replace(this.drawing, this.axis(from, to, x, height), rows.map((row, at) => this.row(row, TOP + at * ROW, x, from, to)));
    if (focused) this.focus(focused);
  }

  // The bar, or that into which it was drawn; the whole drawing, if it is out of sight.
  focus(bar) {
    const at = this.drawn.findIndex((group) => group.bars.some((one) => one.id === bar.id));
    (this.drawing.querySelector(`[data-index="${at}"]`) || this.drawing).focus({ preventScroll: true });
  }

  axis(from, to, x, height) {
    const step = STEPS.find((one) => ((to - from) / one) * 70 < this.width) || STEPS.at(-1);
    const begin = this.extent[0];
    const marks = [];
    for (let at = Math.ceil((from - begin) / step) * step; at + begin <= to; at += step) {
      const place = x(at + begin);
      marks.push(svg("line", { x1: place, x2: place, y1: TOP - 6, y2: height, class: "grid" }), place < this.gutter + this.width - 34 && svg("text", { x: place + 3, y: 14, class: "tick" }, at ? clock(at, step) : "0"));
    }
    return svg("g", { "aria-hidden": "true" }, marks);
  }

  row(row, y, x, from, to) {
    const most = this.gutter < 120 ? 12 : 22;
    const text = row.label.length > most - row.depth * 2 ? `${row.label.slice(0, most - 1 - row.depth * 2)}…` : row.label;
    return svg("g", {},
      svg("line", { x1: 0, x2: this.gutter + this.width, y1: y + ROW, y2: y + ROW, class: "rule" }),
      svg("text", { x: 4 + row.depth * 12, y: y + 17, class: row.depth ? "label call" : "label" }, text, svg("title", {}, row.label)),
      this.merged(row.bars, x, from, to).map((bar) => this.bar(bar, y, x)));
  }

  merged(bars, x, from, to) {
    const seen = bars.filter((bar) => bar.end >= from && bar.begin <= to).sort((one, other) => one.begin - other.begin);
    const found = [];
    for (const bar of seen) {
      const last = found.at(-1);
      const narrow = x(bar.end) - x(bar.begin) < NARROW;
      if (narrow && last?.narrow && x(bar.begin) - x(last.end) < NARROW) {
        last.bars.push(bar);
        last.end = Math.max(last.end, bar.end);
      } else found.push({ bars: [bar], begin: bar.begin, end: bar.end, narrow });
    }
    return found;
  }

  bar(group, y, x) {
    const bar = group.bars.find((one) => one.state === "error") || group.bars[0];
    const left = Math.max(this.gutter, x(group.begin));
    const width = Math.max(bar.kind === "mark" ? 5 : 2, Math.min(x(group.end), this.gutter + this.width) - left);
    const index = this.drawn.push(group) - 1;
    const several = group.bars.length > 1;
    const name = several ? `${plural(group.bars.length, bar.kind)}, ${duration(group.end - group.begin)}` : `${bar.kind} ${straight(bar.label)}, ${bar.state}, ${duration(bar.end - bar.begin)}`;
    const label = !several && width > 46 && bar.kind !== "mark" ? [svg("text", { x: left + 5, y: y + 17, class: "inside" }, fits(bar, width))] : [];
    const chosen = this.selected !== null && group.bars.some((one) => one.id === this.selected);
    return svg("g", { class: "bar", tabindex: -1, role: "button", "aria-label": name, data: { bar: bar.id, index, kind: bar.kind, state: bar.state, chosen } },
      svg("rect", { x: left, y: y + (ROW - BAR) / 2, width, height: BAR, rx: Math.min(3, width / 2) }), label);
  }

  open(target) {
    if (!target) return;
    const group = this.drawn[Number(target.dataset.index)];
    if (group.bars.length > 1 && group.end > group.begin) {
      const edge = (group.end - group.begin) * 0.2 + 1;
      this.look(group.begin - edge, group.end + edge);
      return;
    }
    this.selected = group.bars[0].id;
    atNextFrame(this.draw);
    this.onopen(group.bars[0]);
  }

  tip(event) {
    const target = event.target.closest("[data-bar]");
    this.hint.hidden = !target;
    if (!target) return;
    this.hint.textContent = target.getAttribute("aria-label");
    const box = this.node.getBoundingClientRect();
    this.hint.style.left = `${Math.min(event.clientX - box.left + 12, box.width - 180)}px`;
    this.hint.style.top = `${event.clientY - box.top + 16}px`;
  }

  key(event) {
    const actions = { "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.fit(), ArrowRight: () => this.next(1), ArrowLeft: () => this.next(-1), ArrowDown: () => this.next(1), ArrowUp: () => this.next(-1), Enter: () => this.open(event.target.closest("[data-bar]")) };
    const act = actions[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  }

  next(by) {
    const bars = [...this.drawing.querySelectorAll("[data-bar]")];
    const at = bars.indexOf(document.activeElement?.closest("[data-bar]"));
    bars[at < 0 ? 0 : Math.max(0, Math.min(bars.length - 1, at + by))]?.focus();
  }

  end() {
    this.observer.disconnect();
  }
}

// So fine that two marks side by side are told apart.
function clock(ms, step) {
  if (ms < 60000) return duration(ms);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(ms / 3600000), Math.floor(ms / 60000) % 60];
  const seconds = step < 1000 ? ((ms % 60000) / 1000).toFixed(step < 100 ? 2 : 1).padStart(step < 100 ? 5 : 4, "0") : two(Math.floor(ms / 1000) % 60);
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${seconds}`;
}

function fits(bar, width) {
  const text = bar.kind === "step" ? duration(bar.end - bar.begin) : bar.label;
  const most = Math.floor((width - 8) / 6.2);
  return text.length <= most ? text : most > 3 ? `${text.slice(0, most - 1)}…` : "";
}
