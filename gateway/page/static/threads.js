// All threads, those that were touched last first.

import { get, path } from "./api.js";
import { el, replace, setText } from "./dom.js";
import { amount, moment, plural, short, straight } from "./format.js";
import { Polling } from "./polling.js";

const PAGE = 50;
const STATUSES = { "": "any status", idle: "idle", running: "running", awaiting_input: "awaiting input", interrupted: "interrupted", error: "error" };

export function show(main, at) {
  const status = at.query.get("status") || "";
  const offset = Number(at.query.get("offset") || 0);
  const body = el("tbody");
  const note = el("p", { class: "empty", hidden: true }, "No threads like that.");
  const count = el("span", { class: "dim" });
  const pages = el("div", { class: "buttons pages" });
  const choose = el("select", { "aria-label": "Status", onchange: (event) => (location.hash = `#/threads?status=${event.target.value}`) },
    Object.entries(STATUSES).map(([value, text]) => el("option", { value, selected: value === status }, text)));
  replace(main, el("div", { class: "bar" }, el("h1", {}, "Threads"), el("div", { class: "filters" }, choose), el("span", { class: "spacer" }), count),
    el("table", { class: "list threads" }, el("caption", { class: "unseen" }, "Threads, the last touched first"),
      el("thead", {}, el("tr", {}, ["Status", "Thread", "Graph", "Touched", "Tokens", "Asks, or has failed with"].map((name) => el("th", { scope: "col" }, name)))), body),
    note, pages);
  let shown = "";
  const polling = new Polling(async () => {
    const page = await get("ui/threads", { status, offset, limit: PAGE });
    const text = JSON.stringify(page);
    if (text === shown) return;
    shown = text;
    const more = offset + page.threads.length < page.total;
    replace(body, page.threads.map(row));
    note.hidden = page.threads.length > 0;
    setText(count, plural(page.total, "thread"));
    replace(pages, offset > 0 && el("a", { class: "button quiet", href: `#/threads?status=${status}` }, "The first"),
      more && el("a", { class: "button quiet", href: `#/threads?status=${status}&offset=${offset + PAGE}` }, `More of ${amount(page.total)}`));
  }, 3000);
  polling.now();
  return { leave: () => polling.end() };
}

function row(thread) {
  const asked = thread.questions[0];
  const said = asked && !asked.breakpoint ? (typeof asked.value === "string" ? asked.value : JSON.stringify(asked.value)) : thread.error || "";
  return el("tr", { class: "row", onclick: (event) => event.target.closest("a") || (location.hash = `#/threads/${path(thread.thread_id)}`) },
    el("td", { class: "status" }, el("span", { class: "pill", data: { status: thread.status } }, STATUSES[thread.status] || thread.status)),
    el("td", { class: "name" }, el("a", { href: `#/threads/${path(thread.thread_id)}` }, thread.title || thread.thread_id)),
    el("td", {}, thread.graph || ""), el("td", { class: "dim" }, moment(thread.updated_at)),
    el("td", { class: "number", data: { label: "tokens" } }, amount(thread.tokens)), el("td", { class: "free" }, short(straight(said), 120)));
}
