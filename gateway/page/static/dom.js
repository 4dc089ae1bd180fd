// Elements, made without markup: what comes from agents is text, wherever it is put.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

export function replace(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

// Writes only what has changed, so that a reader's selection and a screen reader are left alone.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, label);
}

// Greyed, but not by `disabled`, which would take the focus from who has just pressed it.
export function setBusy(pressed, busy) {
  pressed.setAttribute("aria-disabled", String(busy));
}

export function isBusy(pressed) {
  return pressed.getAttribute("aria-disabled") === "true";
}

// What an agent says beside words of ours: characters that turn text round do so no further than its end.
export function apart(text, attributes = {}) {
  return el("bdi", attributes, text);
}

export function announce(text) {
  document.getElementById("live").textContent = text;
}

// By itself `crypto.randomUUID` would do, but a browser has it only of pages that came over https, or from localhost.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// A stylesheet that only some pages need; it is there when this is done.
const sheets = new Map();

export function styles(name) {
  if (!sheets.has(name)) {
    sheets.set(name, new Promise((resolve) => document.head.append(el("link", { rel: "stylesheet", href: new URL(name, import.meta.url).href, onload: resolve, onerror: resolve }))));
  }
  return sheets.get(name);
}

let frame = 0;
const waiting = new Set();

// What changes by itself is drawn four times a second at most, and all of it in one frame: that costs the browser more
// than what is new in it.
const BEAT = 250;
let timer = 0;
let drawn = -BEAT;
const later = new Set();

export function soon(draw) {
  later.add(draw);
  timer ||= setTimeout(() => {
    timer = 0;
    drawn = performance.now();
    const due = [...later];
    later.clear();
    due.forEach(atNextFrame);
  }, Math.max(0, drawn + BEAT - performance.now()));
}

// At most once in a frame, however often it is asked for. What a drawing asks for is in the same frame.
export function atNextFrame(draw) {
  waiting.add(draw);
  frame ||= requestAnimationFrame(() => {
    try {
      for (const one of waiting) {
        waiting.delete(one);
        one();
      }
    } finally {
      frame = 0;
    }
  });
}
