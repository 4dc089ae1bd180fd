// All threads, those that were touched last first.

import { call, path } from "./api.js";
import { el, replace, setText } from "./dom.js";
import { amount, moment, plural, short } from "./format.js";
import { Polling } from "./polling.js";

const PAGE = 50;
const STATUSES = { "": "any status", idle: "idle", busy: "busy", interrupted: "asks", error: "error" };

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
      el("thead", {}, el("tr", {}, ["Status", "Thread", "Graph", "Touched", "Asks, or has failed with"].map((name) => el("th", { scope: "col" }, name)))), body),
    note, pages);
  let shown = "";
  const polling = new Polling(async () => {
    const answer = await call("threads/search", {
      method: "POST",
      body: { ...(status ? { status } : {}), limit: PAGE, offset, sort_by: "updated_at", sort_order: "desc",
        select: ["thread_id", "status", "metadata", "created_at", "updated_at", "interrupts", "error"] },
    });
    const text = JSON.stringify(answer.body);
    if (text === shown) return;
    shown = text;
    const total = Number(answer.headers.get("x-pagination-total"));
    const next = answer.headers.get("x-pagination-next");
    replace(body, answer.body.map(row));
    note.hidden = answer.body.length > 0;
    setText(count, plural(total, "thread"));
    replace(pages, offset > 0 && el("a", { class: "button quiet", href: `#/threads?status=${status}` }, "The first"),
      next && el("a", { class: "button quiet", href: `#/threads?status=${status}&offset=${next}` }, `More of ${amount(total)}`));
  }, 3000);
  polling.now();
  return { leave: () => polling.end() };
}

function row(thread) {
  const asked = Object.values(thread.interrupts || {}).flat()[0];
  const said = asked ? short(typeof asked.value === "string" ? asked.value : JSON.stringify(asked.value), 120) : thread.error ? short(thread.error, 120) : "";
  return el("tr", { class: "row", onclick: (event) => event.target.closest("a") || (location.hash = `#/threads/${path(thread.thread_id)}`) },
    el("td", {}, el("span", { class: "pill", data: { status: { busy: "running", interrupted: "awaiting_input", error: "error" }[thread.status] || "idle" } }, STATUSES[thread.status] || thread.status)),
    el("td", { class: "name" }, el("a", { href: `#/threads/${path(thread.thread_id)}` }, thread.metadata?.title || thread.thread_id)),
    el("td", {}, thread.metadata?.graph_id || ""), el("td", { class: "dim" }, moment(thread.updated_at)), el("td", {}, said));
}
