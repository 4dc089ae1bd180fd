// All runs, the newest first, live: which of them does not go on, and why.

import { path } from "./api.js";
import { about } from "./app.js";
import { announce, apart, el, replace, setText } from "./dom.js";
import { STATUS, amount, duration, elapsed, isEnded, moment, plural } from "./format.js";
import { chosenBy, listed } from "./listing.js";
import { Polling } from "./polling.js";

const EVERY = 1500;
const SINCE = { "": "any time", 3600: "the last hour", 86400: "the last day", 604800: "the last week" };
const GROUPS = { "": "any status", open: "not ended", attention: "asks, failed or stopped" };

export function statusPill(status) {
  return el("span", { class: "pill", data: { status } }, STATUS[status] || status);
}

export function runAddress(run) {
  return `#/runs/${path(run.thread_id, run.run_id)}`;
}

export function show(main, at) {
  const list = new RunList(main, at.query);
  return { leave: () => list.polling.end() };
}

class RunList {
  constructor(main, query) {
    this.chosen = chosenBy(query);
    this.before = query.get("before") || "";
    this.rows = new Map();
    this.known = new Map();
    this.polling = new Polling(() => this.look(), EVERY);
    this.polling.now();
    this.body = el("tbody");
    this.note = el("p", { class: "empty", hidden: true });
    this.count = el("span", { class: "dim", id: "count" });
    this.pages = el("div", { class: "buttons pages" });
    replace(main, el("div", { class: "bar" }, el("h1", {}, "Runs"), this.filters(), el("span", { class: "spacer" }), this.count),
      el("table", { class: "list runs" },
        el("caption", { class: "unseen" }, "Runs, the newest first. Enter opens one."),
        el("thead", {}, el("tr", {}, ["Status", "Run", "Graph", "Started", "Time", "Steps", "Tokens"].map((name, at) =>
          el("th", { scope: "col", class: at > 3 ? "number" : null }, name)))),
        this.body),
      this.note, this.pages);
    this.body.addEventListener("keydown", (event) => this.key(event));
  }

  filters() {
    const status = select("status", "Status", { ...GROUPS, ...STATUS }, this.chosen.status);
    this.graph = select("graph", "Graph", { "": "any graph" }, "");
    about.then((known) => this.graphs(known.graphs || []));
    const thread = el("input", { name: "thread", placeholder: "any thread", value: this.chosen.thread, "aria-label": "Thread", size: 14, spellcheck: "false" });
    const since = select("since", "Created", SINCE, this.chosen.since);
    const form = el("form", { class: "filters", role: "search", "aria-label": "Which runs" }, status, this.graph, thread, since);
    form.addEventListener("change", () => this.choose(form));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.choose(form);
    });
    return form;
  }

  graphs(names) {
    for (const name of new Set([...names, this.chosen.graph].filter(Boolean))) {
      this.graph.append(el("option", { value: name, selected: name === this.chosen.graph }, name));
    }
  }

  choose(form) {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    location.hash = query.size ? `#/?${query}` : "#/";
  }

  async look() {
    const page = await listed(this.chosen, this.before);
    this.skew = Date.parse(page.at) - Date.now();
    this.tell(page.runs);
    this.draw(page.runs);
    this.footer(page);
    if (!performance.getEntriesByName("runs").length) performance.mark("runs");
  }

  // Status changes are spoken, a few at a time.
  tell(runs) {
    const moved = runs.filter((run) => this.known.has(run.run_id) && this.known.get(run.run_id) !== run.status);
    if (moved.length) announce(moved.slice(0, 3).map((run) => `Run ${name(run)}: ${STATUS[run.status]}`).join(". "));
    for (const run of runs) this.known.set(run.run_id, run.status);
  }

  draw(runs) {
    const now = Date.now() + this.skew;
    let place = this.body.firstElementChild;
    const left = new Set(this.rows.keys());
    for (const run of runs) {
      let row = this.rows.get(run.run_id);
      if (!row) this.rows.set(run.run_id, (row = new Row(run)));
      left.delete(run.run_id);
      row.update(run, now);
      for (const part of row.parts) {
        if (part === place) place = place.nextElementSibling;
        else this.body.insertBefore(part, place);
      }
    }
    for (const id of left) {
      this.rows.get(id).parts.forEach((part) => part.remove());
      this.rows.delete(id);
    }
    this.note.hidden = runs.length > 0;
    const filtered = Object.values(this.chosen).some(Boolean);
    setText(this.note, filtered ? "No runs like that." : "No runs yet. Start one: perdure run GRAPH, or write to it under Chat.");
  }

  footer(page) {
    const stuck = page.runs.filter((run) => run.why && !isEnded(run.status) && run.why.reason !== "step").length;
    setText(this.count, `${plural(page.runs.length, "run")}${page.next ? ", and more" : ""}${stuck ? ` · ${stuck} not going on` : ""}`);
    const shown = `${this.before}|${page.next}`;
    if (this.shown === shown) return;
    this.shown = shown;
    const newest = new URLSearchParams(Object.entries(this.chosen).filter(([, value]) => value));
    const older = new URLSearchParams(newest);
    older.set("before", page.next || "");
    replace(this.pages,
      this.before && el("a", { class: "button quiet", href: `#/?${newest}` }, "The newest"),
      page.next && el("a", { class: "button quiet", href: `#/?${older}` }, "Older runs"));
  }

  key(event) {
    const row = event.target.closest("tr[tabindex]");
    if (!row) return;
    if (event.key === "Enter" && event.target === row) row.querySelector("a").click();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = [...this.body.querySelectorAll("tr[tabindex]")];
    rows[rows.indexOf(row) + step]?.focus();
    event.preventDefault();
  }
}

function name(run) {
  return run.title || run.run_id.slice(-8);
}

function select(field, label, options, chosen) {
  return el("select", { name: field, "aria-label": label },
    Object.entries(options).map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
}

class Row {
  constructor(run) {
    const cell = (attributes) => el("td", attributes);
    this.cells = {
      status: cell({ class: "status" }),
      name: el("a", { href: runAddress(run) }),
      id: el("span", { class: "id" }, run.run_id),
      graph: cell({ data: { label: "graph" } }),
      started: cell({ data: { label: "started" }, class: "dim" }),
      time: cell({ class: "number", data: { label: "time" } }),
      steps: cell({ class: "number", data: { label: "steps" } }),
      tokens: cell({ class: "number", data: { label: "tokens" } }),
    };
    const { status, graph, started, time, steps, tokens } = this.cells;
    const open = () => (location.hash = runAddress(run));
    this.row = el("tr", { tabindex: 0, class: "row", onclick: (event) => event.target.closest("a") || getSelection().toString() || open() },
      status, el("td", { class: "name" }, this.cells.name, this.cells.id), graph, started, time, steps, tokens);
    this.whyText = apart("");
    this.whySince = el("span");
    this.why = el("td", { colspan: 6 }, this.whyText, this.whySince);
    this.whyRow = el("tr", { class: "why", hidden: true, onclick: open }, el("td"), this.why);
    this.parts = [this.row, this.whyRow];
  }

  update(run, now) {
    const { status, name, graph, started, time, steps, tokens } = this.cells;
    if (status.dataset.of !== run.status) {
      status.dataset.of = run.status;
      replace(status, statusPill(run.status));
    }
    setText(name, run.title || run.run_id);
    this.cells.id.hidden = !run.title;
    setText(graph, run.graph);
    setText(started, moment(run.started_at || run.created_at));
    setText(time, run.started_at ? duration(elapsed(run, now)) : "");
    setText(steps, amount(run.steps));
    setText(tokens, amount(run.tokens));
    setText(this.whyText, run.why ? run.why.text : "");
    setText(this.whySince, run.why ? since(run.why, now) : "");
    this.why.dataset.reason = run.why ? run.why.reason : "";
    this.whyRow.hidden = !run.why;
  }
}

export function since(why, now) {
  return why.since && why.reason !== "ended" ? ` · for ${duration(now - Date.parse(why.since))}` : "";
}
