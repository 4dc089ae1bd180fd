// A graph in layers, from top to bottom: edges that lead back are turned for it, long ones get a place in each layer
// that they cross, and each layer is put in the order in which the fewest lines cross.

const GAP_X = 28;
const GAP_Y = 46;
const HEIGHT = 30;
// How far the frame around a graph within stands from what is in it, above (where its name is) and at its sides: from a
// node, and from another frame.
const FRAME = { node: { over: 16, beside: 10, below: 9 }, frame: { over: 18, beside: 8, below: 8 } };
const SWEEPS = 6;

export function layout(nodes, edges) {
  [nodes, edges] = passed(nodes, edges);
  const size = (id) => Math.max(56, Math.min(200, 7.2 * nameOf(id).length + 24));
  const ids = nodes.map((node) => node.id);
  const known = new Set(ids);
  const kept = edges.filter((edge) => known.has(edge.source) && known.has(edge.target) && edge.source !== edge.target);
  const back = backwards(ids, kept);
  const arrows = kept.map((edge) => (back.has(edge) ? { edge, from: edge.target, to: edge.source } : { edge, from: edge.source, to: edge.target }));
  const layer = layered(ids, arrows);
  const boxes = new Map(ids.map((id) => [id, { id, layer: layer.get(id), width: size(id) }]));
  const links = [];
  for (const arrow of arrows) arrow.chain = chained(arrow, layer, boxes, links);
  const layers = ordered(boxes, links);
  placed(layers, boxes, links);
  parted(layers, boxes);
  return drawn(boxes, arrows, back, edges, known);
}

// The beginning and the end of a graph within are passed over: its edges lead to and from its own nodes.
function passed(nodes, edges) {
  for (const { id } of nodes.filter((node) => /:__(start|end)__$/.test(node.id))) {
    const into = edges.filter((edge) => edge.target === id);
    const out = edges.filter((edge) => edge.source === id);
    if (!into.length || !out.length) continue;
    const joined = into.flatMap((one) => out.map((other) => ({ source: one.source, target: other.target, conditional: one.conditional || other.conditional, data: one.data || other.data })));
    edges = [...edges.filter((edge) => edge.source !== id && edge.target !== id), ...joined];
    nodes = nodes.filter((node) => node.id !== id);
  }
  return [nodes, edges];
}

const ENDS = new Map([["__start__", "start"], ["__end__", "end"]]);

export function nameOf(id) {
  return ENDS.get(id) || id.split(":").at(-1);
}

function backwards(ids, edges) {
  const out = new Map(ids.map((id) => [id, []]));
  for (const edge of edges) out.get(edge.source).push(edge);
  const state = new Map();
  const back = new Set();
  const visit = (id) => {
    const path = [[id, 0]];
    state.set(id, "open");
    while (path.length) {
      const top = path.at(-1);
      const edge = out.get(top[0])[top[1]++];
      if (!edge) {
        state.set(top[0], "done");
        path.pop();
      } else if (state.get(edge.target) === "open") back.add(edge);
      else if (!state.has(edge.target)) {
        state.set(edge.target, "open");
        path.push([edge.target, 0]);
      }
    }
  };
  for (const id of [...ids].sort((one, other) => (other === "__start__") - (one === "__start__"))) if (!state.has(id)) visit(id);
  return back;
}

function layered(ids, arrows) {
  const layer = new Map(ids.map((id) => [id, 0]));
  const waits = new Map(ids.map((id) => [id, 0]));
  const out = new Map(ids.map((id) => [id, []]));
  for (const { from, to } of arrows) {
    out.get(from).push(to);
    waits.set(to, waits.get(to) + 1);
  }
  const ready = ids.filter((id) => !waits.get(id));
  while (ready.length) {
    const id = ready.shift();
    for (const to of out.get(id)) {
      layer.set(to, Math.max(layer.get(to), layer.get(id) + 1));
      waits.set(to, waits.get(to) - 1);
      if (!waits.get(to)) ready.push(to);
    }
  }
  if (layer.has("__end__")) layer.set("__end__", Math.max(...layer.values(), layer.get("__end__")) + ([...layer].some(([id, at]) => id !== "__end__" && at >= layer.get("__end__")) ? 1 : 0));
  return layer;
}

function chained({ edge, from, to }, layer, boxes, links) {
  const chain = [from];
  for (let at = layer.get(from) + 1; at < layer.get(to); at++) {
    const id = `${edge.source}>${edge.target}@${at}`;
    boxes.set(id, { id, layer: at, width: 12, bend: true });
    chain.push(id);
  }
  chain.push(to);
  for (let at = 1; at < chain.length; at++) links.push([chain[at - 1], chain[at]]);
  return chain;
}

function ordered(boxes, links) {
  const layers = [];
  for (const box of boxes.values()) (layers[box.layer] ||= []).push(box);
  const near = { up: new Map(), down: new Map() };
  for (const [from, to] of links) {
    near.up.set(to, [...(near.up.get(to) || []), from]);
    near.down.set(from, [...(near.down.get(from) || []), to]);
  }
  layers.forEach((layer) => layer.forEach((box, at) => (box.order = at)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const of = down ? near.up : near.down;
      for (const box of layer) {
        const others = (of.get(box.id) || []).map((id) => boxes.get(id).order);
        box.wanted = others.length ? others.reduce((sum, one) => sum + one, 0) / others.length : box.order;
      }
      const group = clusterMeans(layer);
      layer.sort((one, other) => group(one) - group(other) || one.wanted - other.wanted || one.order - other.order);
      layer.forEach((box, at) => (box.order = at));
    }
  }
  return layers;
}

// Nodes of one subgraph stay side by side.
function clusterMeans(layer) {
  const means = new Map();
  for (const box of layer) {
    const key = box.bend ? box.id : clusterOf(box.id) || box.id;
    means.set(key, [...(means.get(key) || []), box.wanted]);
  }
  return (box) => {
    const all = means.get(box.bend ? box.id : clusterOf(box.id) || box.id);
    return all.reduce((sum, one) => sum + one, 0) / all.length;
  };
}

export function clusterOf(id) {
  return id.includes(":") ? id.slice(0, id.lastIndexOf(":")) : "";
}

// The graphs within that a node is in, from the innermost to the outermost.
export function around(id) {
  const found = [];
  for (let key = clusterOf(id); key; key = clusterOf(key)) found.push(key);
  return found;
}

const depth = (id) => around(id).length;

// The frames around the graphs within, the outermost first; `beside`: what a node has at its right.
export function frames(boxes, beside) {
  const found = new Map();
  const widen = (key, part, { over, beside, below }) => {
    const frame = found.get(key) || { key, left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
    found.set(key, {
      key, left: Math.min(frame.left, part.left - beside), right: Math.max(frame.right, part.right + beside),
      top: Math.min(frame.top, part.top - over), bottom: Math.max(frame.bottom, part.bottom + below),
    });
  };
  for (const box of boxes.filter((one) => clusterOf(one.id))) {
    const { x, y, width } = box;
    widen(clusterOf(box.id), { left: x - width / 2, right: x + width / 2 + beside(box), top: y - HEIGHT / 2, bottom: y + HEIGHT / 2 }, FRAME.node);
  }
  const keys = [...new Set(boxes.flatMap((box) => around(box.id)))].sort((one, other) => depth(other) - depth(one));
  for (const key of keys) if (clusterOf(key)) widen(clusterOf(key), found.get(key), FRAME.frame);
  return keys.reverse().map((key) => found.get(key));
}

// Where each layer stands. Frames that begin, or end, at the same node need more room than there is between two layers.
function levels(layers) {
  const span = new Map();
  layers.forEach((layer, at) => layer.filter((box) => !box.bend).forEach((box) => around(box.id).forEach((key) => span.set(key, [span.get(key)?.[0] ?? at, at]))));
  const most = (layer, at, side) => Math.max(0, ...layer.filter((box) => !box.bend).map((box) => around(box.id).filter((key) => span.get(key)[side] === at).length));
  let y = HEIGHT / 2;
  return layers.map((layer, at) => {
    const begin = most(layer, at, 0);
    if (at) y += HEIGHT + GAP_Y + Math.max(0, begin - 1) * FRAME.frame.over + Math.max(0, most(layers[at - 1], at - 1, 1) - 1) * FRAME.frame.below;
    else y += begin * FRAME.frame.over;
    return y;
  });
}

function placed(layers, boxes, links) {
  const heights = levels(layers);
  for (const layer of layers) {
    let x = 0;
    for (const box of layer) {
      box.x = x + box.width / 2;
      box.y = heights[box.layer];
      x += box.width + GAP_X;
    }
    for (const box of layer) box.x -= (x - GAP_X) / 2;
  }
  const near = new Map();
  for (const [from, to] of links) {
    near.set(from, [...(near.get(from) || []), to]);
    near.set(to, [...(near.get(to) || []), from]);
  }
  for (let turn = 0; turn < 8; turn++) {
    for (const layer of turn % 2 ? [...layers].reverse() : layers) {
      for (const box of layer) {
        const others = (near.get(box.id) || []).map((id) => boxes.get(id).x);
        if (others.length) box.x = (box.x + others.reduce((sum, one) => sum + one, 0) / others.length) / 2;
      }
      spread(layer);
    }
  }
}

const ROOM = 24;

// What is no part of a graph within is moved out of the frame that is drawn around that.
function parted(layers, boxes) {
  const keys = new Set();
  for (const box of boxes.values()) if (!box.bend) for (const key of around(box.id)) keys.add(key);
  for (const key of [...keys].sort((one, other) => other.length - one.length)) {
    const inner = [...boxes.values()].filter((box) => !box.bend && box.id.startsWith(`${key}:`));
    const room = ROOM + FRAME.frame.beside * Math.max(...inner.map((box) => depth(box.id) - depth(key) - 1));
    const left = Math.min(...inner.map((box) => box.x - box.width / 2)) - room;
    const right = Math.max(...inner.map((box) => box.x + box.width / 2)) + room;
    const [top, bottom] = [Math.min(...inner.map((box) => box.layer)), Math.max(...inner.map((box) => box.layer))];
    for (const layer of layers.slice(top, bottom + 1)) beside(layer, new Set(inner), left, right);
  }
}

function beside(layer, inner, left, right) {
  const first = layer.findIndex((box) => inner.has(box));
  const isLeft = (box, at) => (first < 0 ? box.x < (left + right) / 2 : at < first);
  const others = layer.map((box, at) => [box, isLeft(box, at)]).filter(([box]) => !inner.has(box) && !box.bend);
  let edge = left;
  for (const [box] of others.filter(([, side]) => side).reverse()) {
    box.x = Math.min(box.x, edge - box.width / 2);
    edge = box.x - box.width / 2 - GAP_X;
  }
  edge = right;
  for (const [box] of others.filter(([, side]) => !side)) {
    box.x = Math.max(box.x, edge + box.width / 2);
    edge = box.x + box.width / 2 + GAP_X;
  }
}

function spread(layer) {
  const apart = (one, other) => (one.width + other.width) / 2 + GAP_X;
  for (let at = 1; at < layer.length; at++) layer[at].x = Math.max(layer[at].x, layer[at - 1].x + apart(layer[at - 1], layer[at]));
  const shift = layer.length > 1 ? (layer.at(-1).x - layer[0].x) / 2 - (layer.at(-1).x + layer[0].x) / 2 : 0;
  if (Math.abs(shift) > 400) for (const box of layer) box.x += shift / 4;
}

function drawn(boxes, arrows, back, edges, known) {
  const real = [...boxes.values()].filter((box) => !box.bend);
  const nested = Math.max(0, ...real.map((box) => depth(box.id) - 1));
  const left = Math.min(...[...boxes.values()].map((box) => box.x - box.width / 2)) - 20 - nested * FRAME.frame.beside;
  const twin = new Set(arrows.map(({ edge }) => `${edge.source} ${edge.target}`));
  const lines = arrows.map(({ edge, chain }) => {
    const points = chain.map((id) => ({ x: boxes.get(id).x - left, y: boxes.get(id).y }));
    const both = chain.length === 2 && twin.has(`${edge.target} ${edge.source}`);
    const aside = both ? (back.has(edge) ? 11 : -11) : 0;
    points.forEach((point) => (point.x += aside));
    points[0].y += HEIGHT / 2;
    points.at(-1).y -= HEIGHT / 2;
    return { edge, points: back.has(edge) ? points.reverse() : points };
  });
  const loops = edges.filter((edge) => edge.source === edge.target && known.has(edge.source)).map((edge) => {
    const box = boxes.get(edge.source);
    const x = box.x - left + box.width / 2;
    return { edge, loop: true, points: [{ x, y: box.y - 6 }, { x: x + 26, y: box.y }, { x, y: box.y + 6 }] };
  });
  for (const box of real) box.x -= left;
  const width = Math.max(...[...boxes.values()].map((box) => (box.bend ? box.x - left : box.x) + box.width / 2)) + 36 + nested * FRAME.frame.beside;
  return { boxes: real, lines: [...lines, ...loops], width, height: Math.max(...real.map((box) => box.y)) + HEIGHT / 2 + 14 + nested * FRAME.frame.below, boxHeight: HEIGHT };
}
