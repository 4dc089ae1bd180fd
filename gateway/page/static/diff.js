// Two states side by side: only what differs.

import { el } from "./dom.js";
import { valueView } from "./value.js";

const MOST = 200;

export function differences(before, after, place = [], found = []) {
  if (found.length >= MOST || same(before, after)) return found;
  const both = (check) => check(before) && check(after);
  if (both(Array.isArray)) {
    for (let at = 0; at < Math.max(before.length, after.length); at++) differences(at in before ? before[at] : undefined, at in after ? after[at] : undefined, [...place, at], found);
  } else if (both((one) => one && typeof one === "object" && !Array.isArray(one))) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) differences(own(before, key), own(after, key), [...place, key], found);
  } else found.push({ place, before, after });
  return found;
}

// Not what every object has: a key of an agent's may be `constructor`, or `__proto__`.
function own(value, key) {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function same(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

export function compared(before, after) {
  const found = differences(before ?? {}, after ?? {});
  if (!found.length) return el("p", { class: "dim" }, "Nothing differs.");
  return el("ul", { class: "diff" }, found.map((one) =>
    el("li", { data: { change: one.before === undefined ? "added" : one.after === undefined ? "removed" : "changed" } },
      el("code", {}, one.place.join(".")), one.before !== undefined && el("div", { class: "old" }, valueView(one.before, { open: 1 })), one.after !== undefined && el("div", { class: "new" }, valueView(one.after, { open: 1 })))),
    found.length >= MOST && el("li", {}, `The first ${MOST} differences.`));
}
