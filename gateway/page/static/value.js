// Any JSON as a tree that is opened part by part. Large parts are made when they are opened.

import { apart, button, el, replace } from "./dom.js";
import { short, straight } from "./format.js";

const LONG = 2000;
const MANY = 100;

export function valueView(value, { open = 1, name } = {}) {
  return el("div", { class: "value" }, entry(name, value, open));
}

function entry(name, value, open) {
  const label = name === undefined ? null : el("span", { class: "value-name" }, apart(name), ": ");
  if (value === null || typeof value !== "object") return el("div", { class: "value-line" }, label, leaf(value));
  const entries = Array.isArray(value) ? value.map((one, at) => [at, one]) : Object.entries(value);
  if (!entries.length) return el("div", { class: "value-line" }, label, Array.isArray(value) ? "[]" : "{}");
  const inner = el("div", { class: "value-inner" });
  const summary = el("summary", {}, label, el("span", { class: "value-sum" }, summed(value, entries)));
  const details = el("details", { open: open > 0 }, summary, inner);
  const fill = () => inner.childElementCount || show(inner, entries, 0, open - 1);
  if (open > 0) fill();
  details.addEventListener("toggle", () => details.open && fill());
  return details;
}

function show(inner, entries, from, open) {
  for (const [key, one] of entries.slice(from, from + MANY)) inner.append(entry(key, one, open));
  const left = entries.length - from - MANY;
  if (left > 0) {
    const more = button(`show ${Math.min(left, MANY)} more of ${left}`, () => {
      const at = inner.childElementCount - 1;
      more.remove();
      show(inner, entries, from + MANY, open);
      // The button had the focus: what it has brought takes it.
      inner.children[at].tabIndex = -1;
      inner.children[at].focus({ preventScroll: true });
    }, { class: "quiet" });
    inner.append(more);
  }
}

function summed(value, entries) {
  if (Array.isArray(value)) return `[${value.length}]`;
  const said = value.content ?? value.text ?? value.name;
  const kind = typeof value.type === "string" ? `${value.type} ` : "";
  if (typeof said === "string") return `{${straight(`${kind}${short(said, 60)}`)}}`;
  return short(straight(`{${entries.map(([key]) => key).join(", ")}}`), 70);
}

function leaf(value) {
  if (typeof value !== "string") return el("span", { class: "value-plain" }, String(value));
  const text = apart(value.slice(0, LONG), { class: "value-text" });
  if (value.length <= LONG) return text;
  const more = button(`show all ${value.length} characters`, () => replace(text, value), { class: "quiet" });
  return el("span", {}, text, "… ", more);
}
