// One thread: its runs, what it asks, and its states.

import { get, path } from "./api.js";
import { AnswerForm } from "./answer.js";
import { hasMessages } from "./chat.js";
import { apart, el, replace } from "./dom.js";
import { duration, elapsed, moment } from "./format.js";
import { History } from "./history.js";
import { Polling } from "./polling.js";
import { runAddress, statusPill } from "./runs.js";

export function show(main, at) {
  const id = at.words[0];
  const runs = el("tbody");
  const head = el("p", { class: "dim" });
  const ask = el("div", { class: "ask" });
  const states = el("section", { class: "panel", "aria-label": "States" }, el("h2", {}, "States"));
  replace(main, el("div", { class: "run-page" }, el("div", { class: "head" }, el("p", { class: "crumbs" }, el("a", { href: "#/threads" }, "Threads")), el("h1", {}, "Thread ", apart(id, { class: "id" })), head), ask,
    el("section", { class: "panel wide", "aria-label": "Runs" }, el("h2", {}, "Runs"), el("table", { class: "list" }, el("thead", {}, el("tr", {}, ["Status", "Run", "Started", "Time", "What holds it"].map((name) => el("th", { scope: "col" }, name)))), runs)), states));
  let shown = "";
  let asked = "";
  let history = null;
  const polling = new Polling(async () => {
    const page = await get("ui/runs", { thread: id, limit: 50 });
    const newest = page.runs[0];
    const text = JSON.stringify(page.runs);
    if (text !== shown) {
      shown = text;
      replace(head, newest ? ["graph ", apart(newest.graph), " "] : "No runs. ", newest && (await canChat(newest.graph)) && el("a", { href: `#/chat/${path(newest.graph, id)}` }, "open as a chat"));
      replace(runs, page.runs.map((run) => row(run, Date.parse(page.at))));
    }
    const full = newest && ["awaiting_input", "interrupted"].includes(newest.status) ? await get(`ui/threads/${path(id)}/runs/${path(newest.run_id)}`) : null;
    const questions = full?.answerable ? JSON.stringify([newest.run_id, full.questions]) : "";
    if (questions !== asked) {
      asked = questions;
      replace(ask, questions && [el("h2", {}, "It asks"), new AnswerForm(newest, full.questions, () => again()).node]);
    }
    if (!history) {
      history = new History(id, newest);
      states.append(history.node);
    } else if (newest) history.update(newest);
  }, 2000);
  // It may ask the same once more.
  const again = () => {
    asked = null;
    polling.now();
  };
  polling.now();
  return { leave: () => polling.end() };
}

const chats = new Map();

function canChat(graph) {
  if (!chats.has(graph)) chats.set(graph, hasMessages(graph).catch(() => false));
  return chats.get(graph);
}

function row(run, now) {
  return el("tr", { class: "row" }, el("td", {}, statusPill(run.status)), el("td", { class: "name" }, el("a", { href: runAddress(run) }, run.title || run.run_id)), el("td", { class: "dim" }, moment(run.started_at || run.created_at)),
    el("td", { class: "number" }, run.started_at ? duration(elapsed(run, now)) : ""), el("td", { class: "free" }, run.why?.text || ""));
}
