// A conversation with a graph whose state has messages.

import { get, path, post } from "./api.js";
import { about } from "./app.js";
import { AnswerForm } from "./answer.js";
import { message } from "./detail.js";
import { announce, el, replace } from "./dom.js";
import { STATUS } from "./format.js";
import { Output } from "./output.js";

export function show(main, at) {
  const [graph, thread] = at.words;
  if (!graph) return choose(main);
  const chat = new Chat(main, graph, thread);
  return { leave: () => chat.output?.end() };
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
    this.said = el("div", { class: "said chat-said", "aria-label": "Conversation", role: "log" });
    this.live = el("div");
    this.ask = el("div", { class: "ask" });
    this.state = el("p", { class: "dim", role: "status" });
    this.input = el("textarea", { id: "chat-input", rows: 2, placeholder: "Write a message. Enter sends it.", "aria-label": "Message", onkeydown: (event) => this.key(event) });
    const form = el("form", { class: "composer", onsubmit: (event) => this.send(event) }, this.input, el("button", { class: "primary" }, "Send"));
    replace(main, el("div", { class: "bar" }, el("h1", {}, `Chat with ${graph}`), el("span", { class: "spacer" }), thread && el("a", { href: `#/threads/${path(thread)}` }, "the thread"), el("a", { href: `#/chat/${path(graph)}` }, "a new one")),
      this.said, this.live, this.ask, this.state, form);
    this.input.focus();
    if (thread) this.load(true);
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  }

  async load(first) {
    const [state, page] = await Promise.all([get(`ui/threads/${path(this.thread)}/state`).catch(() => null), get("ui/runs", { thread: this.thread, limit: 1 })]);
    const messages = state?.values?.messages;
    replace(this.said, (Array.isArray(messages) ? messages : []).map((one) => message(one)));
    const run = page.runs[0];
    if (!run) return;
    const full = await get(`ui/threads/${path(this.thread)}/runs/${path(run.run_id)}`);
    this.tell(full);
    if (first && ["pending", "running"].includes(full.status)) this.follow(full);
    this.end();
  }

  tell(run) {
    const failed = ["error", "timeout"].includes(run.status);
    replace(this.state, run.status === "success" ? "" : [`${STATUS[run.status]}${failed && run.error ? `: ${run.error.message}` : ""} · `, el("a", { href: `#/runs/${path(run.thread_id, run.run_id)}` }, "look at the run")]);
    replace(this.ask, run.answerable && new AnswerForm(run, run.questions, (answered) => {
      replace(this.ask);
      this.follow({ ...run, ...answered });
    }).node);
  }

  async send(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    const fresh = !this.thread;
    this.thread ||= crypto.randomUUID();
    try {
      const run = await post(`ui/threads/${path(this.thread)}/runs`, { assistant_id: this.graph, input: { messages: [{ role: "user", content: text }] } });
      this.input.value = "";
      this.said.append(message({ type: "human", content: text }));
      if (fresh) history.replaceState(null, "", `#/chat/${path(this.graph, this.thread)}`);
      this.follow(run);
    } catch (error) {
      if (fresh) this.thread = undefined;
      replace(this.state, error.message);
    }
  }

  follow(run) {
    this.output?.end();
    replace(this.state, "running · ", el("a", { href: `#/runs/${path(run.thread_id, run.run_id)}` }, "look at the run"));
    this.output = new Output(run, { note: false, onend: () => this.done() });
    replace(this.live, this.output.node);
    this.end();
  }

  async done() {
    await this.load(false);
    replace(this.live);
    announce("It has answered.");
  }

  end() {
    window.scrollTo(0, document.body.scrollHeight);
  }
}
