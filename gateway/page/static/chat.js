// A conversation with a graph whose state has messages.

import { get, path, post } from "./api.js";
import { about } from "./app.js";
import { AnswerForm } from "./answer.js";
import { message } from "./detail.js";
import { announce, apart, el, newId, replace } from "./dom.js";
import { STATUS, isEnded } from "./format.js";
import { Output } from "./output.js";
import { Polling } from "./polling.js";

// Milliseconds between two looks at a run that asks: somebody else may answer it, or stop it.
const EVERY = 2000;
const RUNS = 50;

export function show(main, at) {
  const [graph, thread] = at.words;
  if (!graph) return choose(main);
  const chat = new Chat(main, graph, thread);
  return { leave: () => chat.leave() };
}

function choose(main) {
  const list = el("ul", { class: "choice-list" });
  replace(main, el("h1", {}, "Chat"), el("p", { class: "dim" }, "With a graph whose state has messages:"), list);
  about.then(async (known) => {
    const graphs = known.graphs || [];
    const can = await Promise.all(graphs.map((name) => hasMessages(name).catch(() => false)));
    const chats = graphs.filter((_, number) => can[number]);
    replace(list, chats.length ? chats.map((name) => el("li", {}, el("a", { class: "button", href: `#/chat/${path(name)}` }, name))) : el("li", { class: "dim" }, "No worker serves one now."));
  });
  return { leave() {} };
}

export async function hasMessages(name) {
  const { input_schema: schema } = await get(`assistants/${path(name)}/schemas`);
  return "messages" in (schema?.properties || {});
}

class Chat {
  constructor(main, graph, thread) {
    this.graph = graph;
    this.thread = thread;
    // The runs of a thread go one after another. The first of these speaks, or asks, and the others come after it.
    this.line = [];
    this.asks = false;
    this.polling = new Polling(() => this.look(), EVERY);
    this.said = el("div", { class: "said chat-said", "aria-label": "Conversation", role: "log" });
    this.live = el("div");
    this.ask = el("div", { class: "ask" });
    this.failure = el("p", { class: "bad", role: "alert" });
    this.state = el("p", { class: "dim", role: "status" });
    this.input = el("textarea", { id: "chat-input", rows: 2, placeholder: "Write a message. Enter sends it.", "aria-label": "Message", onkeydown: (event) => this.key(event) });
    const form = el("form", { class: "composer", onsubmit: (event) => this.send(event) }, this.input, el("button", { class: "primary" }, "Send"));
    replace(main, el("div", { class: "bar" }, el("h1", {}, "Chat with ", apart(graph)), el("span", { class: "spacer" }), thread && el("a", { href: `#/threads/${path(thread)}` }, "the thread"), el("a", { href: `#/chat/${path(graph)}` }, "a new one")),
      this.said, this.live, this.ask, this.failure, this.state, form);
    this.input.focus();
    this.sent = thread ? this.begin().catch((error) => this.fail(error)) : Promise.resolve();
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  }

  fail(error) {
    replace(this.failure, error.message);
  }

  // What a thread has said, and those of its runs that go on.
  async begin() {
    const { runs } = await get("ui/runs", { thread: this.thread, limit: RUNS });
    this.line = runs.filter((run) => !isEnded(run.status)).reverse().map((run) => ({ run }));
    if (this.line[0]?.run.status === "awaiting_input") return void (await this.done(this.line[0].run));
    await this.load();
    if (this.line.length) this.next();
    else if (runs.length) this.tell(await this.read(runs[0]));
    this.end();
  }

  async load() {
    const state = await get(`ui/threads/${path(this.thread)}/state`).catch(() => null);
    const messages = Array.isArray(state?.values?.messages) ? state.values.messages : [];
    const known = new Set(messages.map((one) => one?.id));
    // What was sent after that is in no state yet.
    const later = this.line.filter((one) => one.message && !known.has(one.message.id)).map((one) => one.message);
    replace(this.said, [...messages, ...later].map((one) => message(one)));
  }

  read(run) {
    return get(`ui/threads/${path(this.thread)}/runs/${path(run.run_id)}`);
  }

  // How the last of the runs has ended, or what it asks.
  tell(run) {
    this.draw(run);
    replace(this.ask, run.answerable && new AnswerForm(run, run.questions, (answered) => this.answered(run, answered)).node);
  }

  draw(run) {
    const after = this.line.length > 1 ? ` · ${this.line.length - 1} more in line` : "";
    const failed = ["error", "timeout"].includes(run.status) && run.error;
    replace(this.state, run.status === "success" ? "" : [STATUS[run.answerable ? "awaiting_input" : run.status], failed && [": ", apart(run.error.message)], after, " · ", el("a", { href: `#/runs/${path(run.thread_id, run.run_id)}` }, "look at the run")]);
  }

  // One after another, however fast they are sent.
  send(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    this.input.value = "";
    replace(this.failure);
    replace(this.state, "Sending it …");
    this.sent = this.sent.then(() => this.submit(text)).catch((error) => {
      this.input.value = [text, this.input.value].filter(Boolean).join("\n");
      replace(this.state);
      this.fail(error);
    });
  }

  async submit(text) {
    const thread = this.thread || newId();
    const said = { type: "human", id: newId(), content: text };
    const run = await post(`ui/threads/${path(thread)}/runs`, { assistant_id: this.graph, input: { messages: [{ role: "user", id: said.id, content: text }] } });
    this.said.append(message(said));
    if (!this.thread) history.replaceState(null, "", `#/chat/${path(this.graph, thread)}`);
    this.thread = thread;
    this.follow({ run, message: said });
  }

  answered(run, answered) {
    replace(this.ask);
    this.asks = false;
    if (this.line[0]?.run.run_id === answered.run_id) this.next();
    else this.follow({ run: { ...run, ...answered } });
  }

  follow(one) {
    this.line.push(one);
    if (this.line.length === 1) this.next();
    else this.draw(this.line[0].run);
  }

  next() {
    if (this.polling.ended) return;
    const [{ run }] = this.line;
    this.output?.end();
    run.status = "running";
    replace(this.ask);
    this.draw(run);
    this.output = new Output(run, { note: false, onend: () => this.done(run).catch((error) => this.fail(error)) });
    replace(this.live, this.output.node);
    this.end();
  }

  // It has ended, or it asks, and goes on when it is answered.
  async done(run) {
    const full = await this.read(run);
    this.asks = full.status === "awaiting_input";
    if (!this.asks) this.line.shift();
    await this.load();
    replace(this.live);
    if (this.line.length && !this.asks) {
      if (full.error) replace(this.failure, full.error.message);
      this.next();
      return;
    }
    if (this.asks) Object.assign(run, { status: full.status });
    this.tell(full);
    if (this.asks) this.polling.now();
    announce(full.answerable ? "It asks." : "It has answered.");
  }

  async look() {
    if (!this.asks) return Infinity;
    const full = await this.read(this.line[0].run);
    if (!this.asks || full.status === "awaiting_input") return EVERY;
    this.asks = false;
    this.next();
    return Infinity;
  }

  end() {
    window.scrollTo(0, document.body.scrollHeight);
  }

  leave() {
    this.polling.end();
    this.output?.end();
  }
}
