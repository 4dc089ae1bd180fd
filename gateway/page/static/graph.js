// The graph of a run: the node that is at work, how often each was, and the path that was taken.

import { get, path } from "./api.js";
import { el, replace, svg } from "./dom.js";
import { short, straight } from "./format.js";
import { around, frames, layout, nameOf } from "./layout.js";

export class GraphView {
  constructor(name) {
    this.name = name;
    this.node = el("div", { class: "graph-box" }, el("p", { class: "dim" }, "A worker is asked for the graph …"));
    this.walked = { counts: new Map(), edges: new Set(), active: [], failed: [], asks: false };
    this.load();
  }

  async load() {
    try {
      const { nodes, edges } = await get(`assistants/${path(this.name)}/graph`, { xray: "true" });
      this.placed = layout(nodes.map((node) => ({ ...node, id: String(node.id) })), edges.map((edge) => ({ ...edge, source: String(edge.source), target: String(edge.target) })));
      this.render();
    } catch (error) {
      replace(this.node, el("p", { class: "dim" }, `The graph cannot be drawn now: ${error.message}`));
    }
  }

  show(walked) {
    this.walked = walked;
    if (this.placed) this.render();
  }

  render() {
    const { boxes, lines, width, height } = this.placed;
    const text = JSON.stringify([[...this.walked.counts], [...this.walked.edges], this.walked.active, this.walked.failed, this.walked.asks]);
    if (this.shown === text) return;
    this.shown = text;
    const { active, failed, asks } = this.walked;
    const said = active.length ? `${asks ? "Asks" : "At work"}: ${straight(active.join(", "))}.` : failed.length ? `Failed: ${straight(failed.join(", "))}.` : "No node is at work.";
    replace(this.node, svg("svg", { viewBox: `0 -6 ${width} ${height + 6}`, width, height: height + 6, class: "graph", role: "img", "aria-label": `The graph ${this.name}. ${said}` },
      svg("defs", {}, arrow("arrow"), arrow("arrow-taken")), this.clusters(boxes), lines.map((line) => this.line(line)), boxes.map((box) => this.box(box))));
  }

  clusters(boxes) {
    const badge = (box) => ((this.walked.counts.get(box.id) || 0) > 1 ? 14 : 0);
    return frames(boxes, badge).map(({ key, left, right, top, bottom }) =>
      svg("g", { class: "cluster", data: { state: this.walked.active.includes(key) ? "active" : this.walked.counts.has(key) ? "done" : "" } },
        svg("rect", { x: left, y: top, width: right - left, height: bottom - top, rx: 8 }),
        svg("text", { x: left + 8, y: top + 11 }, short(nameOf(key), Math.floor((right - left - 16) / 6)), svg("title", {}, key))));
  }

  line({ edge, points, loop }) {
    // A step of the graph knows only the outermost of the graphs around a node.
    const taken = [edge.source, ...around(edge.source)].some((from) => [edge.target, ...around(edge.target)].some((to) => from !== to && this.walked.edges.has(`${from} ${to}`)));
    const [first, ...rest] = points;
    const shape = loop ? `M${first.x},${first.y} Q${points[1].x},${points[1].y} ${points[2].x},${points[2].y}` : rest.reduce((drawn, to, at) => {
      const from = at ? rest[at - 1] : first;
      const middle = (from.y + to.y) / 2;
      return `${drawn} C${from.x},${middle} ${to.x},${middle} ${to.x},${to.y}`;
    }, `M${first.x},${first.y}`);
    return svg("path", { d: shape, class: "edge", data: { conditional: Boolean(edge.conditional), taken }, "marker-end": `url(#${taken ? "arrow-taken" : "arrow"})` }, edge.data && svg("title", {}, edge.data));
  }

  box(box) {
    const count = this.walked.counts.get(box.id) || 0;
    const active = this.walked.active.includes(box.id);
    const end = box.id === "__start__" || box.id === "__end__";
    const state = active ? (this.walked.asks ? "asks" : "active") : this.walked.failed.includes(box.id) ? "failed" : count ? "done" : "";
    const label = nameOf(box.id);
    const badge = count > 1 ? [svg("text", { x: box.x + box.width / 2 + 5, y: box.y + 4, class: "badge" }, `×${count}`)] : [];
    return svg("g", { class: "node", data: { state, end, node: box.id } },
      svg("rect", { x: box.x - box.width / 2, y: box.y - 15, width: box.width, height: 30, rx: end ? 15 : 5 }),
      svg("text", { x: box.x, y: box.y + 4, "text-anchor": "middle" }, label.length > 24 ? `${label.slice(0, 23)}…` : label, svg("title", {}, box.id)), badge);
  }
}

function arrow(id) {
  return svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", class: id }, svg("path", { d: "M0,0.5 L8,4 L0,7.5 z" }));
}
