// What a run says, as it says it. Text is added once a frame, and only the last messages are kept on the page.

import { follow } from "./sse.js";
import { path } from "./api.js";
import { el, setText, soon } from "./dom.js";
import { short, textOf } from "./format.js";

const MOST = 100;

export class Output {
  constructor(run, { oncustom, onattempt, onend, note = true } = {}) {
    this.messages = new Map();
    this.dirty = new Set();
    this.attempt = 0;
    this.hooks = { oncustom, onattempt, onend };
    this.list = el("div", { class: "said", role: "log", "aria-label": "What the run says", tabindex: 0 });
    this.note = el("p", { class: "dim" }, note ? "Nothing was said yet. Tokens are shown here of runs that stream messages." : "");
    this.node = el("div", { class: "said-box" }, this.note, this.list);
    this.draw = () => this.render();
    this.stop = new AbortController();
    this.place = `ui/threads/${path(run.thread_id)}/runs/${path(run.run_id)}/stream`;
    this.last = null;
    this.follow();
  }

  // A stream ends at a question, too: then it is followed again once that is answered.
  async follow() {
    if (this.following) return;
    this.following = true;
    await follow(this.place, { signal: this.stop.signal, last: this.last, onid: (id) => (this.last = id), onevent: (event) => this.take(event) });
    this.following = false;
    if (!this.stop.signal.aborted) this.hooks.onend?.();
  }

  take({ event, data }) {
    const [mode] = event.split("|");
    if (mode === "messages") this.message(data[0], data[1] || {});
    else if (mode === "metadata") this.begin(data.attempt);
    else if (mode === "custom") this.hooks.oncustom?.(data);
  }

  // What an attempt had half said when it was cut comes again from the next one.
  begin(attempt) {
    if (attempt <= this.attempt) return;
    this.attempt = attempt;
    for (const [id, message] of this.messages) {
      if (message.whole) continue;
      message.node?.remove();
      this.messages.delete(id);
    }
    this.hooks.onattempt?.(attempt);
  }

  message(said, about) {
    const type = String(said.type || "");
    const id = said.id || `${type}-${this.messages.size}`;
    const chunk = type.endsWith("Chunk");
    let message = this.messages.get(id);
    if (!message) this.messages.set(id, (message = { id, type: type.replace("MessageChunk", "").toLowerCase(), node: null, text: "", shown: 0, about, calls: new Map(), whole: !chunk }));
    if (!chunk) this.whole(message, said);
    else {
      message.text += textOf(said.content);
      for (const call of said.tool_call_chunks || []) {
        const known = message.calls.get(call.index ?? call.id) || { name: "", args: "" };
        message.calls.set(call.index ?? call.id, { name: known.name + (call.name || ""), args: known.args + (call.args || "") });
      }
      if (said.chunk_position === "last" || said.usage_metadata || said.response_metadata?.finish_reason) message.whole = true;
    }
    this.dirty.add(message);
    soon(this.draw);
  }

  whole(message, said) {
    message.text = textOf(said.content);
    message.shown = message.text.startsWith(message.drawn || "") ? message.shown : 0;
    message.whole = true;
    message.name = said.name;
    (said.tool_calls || []).forEach((call, at) => message.calls.set(at, { name: call.name, args: JSON.stringify(call.args) }));
  }

  render() {
    const stays = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    for (const message of this.dirty) this.put(message);
    this.dirty.clear();
    this.note.hidden = this.messages.size > 0;
    for (const [id, message] of this.messages) {
      if (this.messages.size <= MOST) break;
      message.node?.remove();
      this.messages.delete(id);
    }
    if (stays) this.list.scrollTop = this.list.scrollHeight;
  }

  put(message) {
    if (!message.node) {
      message.body = document.createTextNode("");
      message.tools = el("div", { class: "said-calls" });
      const who = (message.type === "ai" ? message.about.langgraph_node : message.type === "tool" ? message.name : "") || message.type;
      message.node = el("article", { class: "message", data: { type: message.type } }, el("header", {}, who), el("div", { class: "said-text" }, message.body), message.tools);
      this.list.append(message.node);
    }
    if (message.shown === 0) message.body.data = message.text;
    else if (message.text.length > message.shown) message.body.appendData(message.text.slice(message.shown));
    message.shown = message.text.length;
    if (message.calls.size) setText(message.tools, [...message.calls.values()].map((call) => `→ ${call.name}(${short(call.args, 200)})`).join("\n"));
  }

  // What a node is saying just now, for who looks at its bar.
  textOf(node) {
    const said = [...this.messages.values()].filter((one) => one.about.langgraph_node === node && !one.whole);
    return said.at(-1)?.text || "";
  }

  end() {
    this.stop.abort();
  }
}
