// What stands behind a bar of the timeline: input, output, tokens, error, worker.

import { get, path } from "./api.js";
import { about } from "./app.js";
import { apart, button, el, replace, setText } from "./dom.js";
import { amount, duration, moment, textOf } from "./format.js";
import { compared } from "./diff.js";
import { valueView } from "./value.js";

export class Detail {
  constructor(place, ids, output, onclose) {
    this.onclose = onclose;
    this.place = place;
    this.ids = ids;
    this.output = output;
    this.node = el("section", { class: "panel detail", "aria-label": "The chosen bar", hidden: true, tabindex: -1 });
    this.bar = null;
  }

  async show(bar, run) {
    this.bar = bar;
    this.run = run;
    this.saying = null;
    this.body = el("div", { class: "detail-body" });
    const close = button("Close", () => this.close(), { class: "quiet" });
    replace(this.node, el("div", { class: "bar" }, el("h2", {}, kind(bar), " ", apart(bar.label)), el("span", { class: "spacer" }), close), facts(bar), this.body);
    this.node.hidden = false;
    this.node.focus({ preventScroll: true });
    this.node.scrollIntoView({ block: "nearest" });
    const parts = { model: () => this.call(bar), tool: () => this.call(bar), mark: () => this.call(bar), step: () => this.step(bar), attempt: () => this.attempt(bar), wait: () => [el("h3", {}, "It asked"), valueView(bar.questions ?? [], { open: 4 })] };
    try {
      const made = await (parts[bar.kind] || (() => []))();
      if (this.bar === bar) replace(this.body, made);
    } catch (error) {
      replace(this.body, el("p", { class: "bad" }, error.message));
    }
  }

  close() {
    this.node.hidden = true;
    this.onclose(this.bar);
  }

  async call(bar) {
    const read = (seq) => (seq ? get(`${this.place}/events/${seq}`) : null);
    const [first, last] = await Promise.all([read(bar.seq), read(bar.endSeq)]);
    if (bar.kind === "mark") return [el("h3", {}, "What it said"), valueView(first.content, { open: 3 })];
    this.saying = last ? null : el("pre", { class: "saying" }, this.output.textOf(bar.node));
    const asked = bar.kind === "model" ? messages(first.content) : valueView(first.content, { open: 2 });
    return el("div", { class: "columns" }, el("div", {}, el("h3", {}, "Input"), asked),
      el("div", {}, el("h3", {}, bar.state === "error" ? "Error" : "Output"), last ? outcome(bar, last.content) : this.saying));
  }

  async step(bar) {
    if (!bar.checkpoint) return [el("p", { class: "dim" }, "A step of a graph within; what it has changed is seen in the step around it.")];
    const state = (id) => get(`ui/threads/${path(this.ids.thread_id)}/state`, { checkpoint_id: id });
    const [before, after] = await Promise.all([state(bar.checkpoint), bar.next ? state(bar.next) : null]);
    if (!after) return [el("h3", {}, "The state that it was given"), valueView(before.values, { open: 2 })];
    return [el("h3", {}, "What the step has changed"), compared(before.values, after.values)];
  }

  async attempt(bar) {
    const known = await about;
    const link = known.temporal_ui && el("a", { href: `${known.temporal_ui}${path(this.run.workflow_id)}`, target: "_blank", rel: "noopener noreferrer" }, "its workflow in the Temporal UI");
    const cut = bar.state === "cut" ? "It was cut off: its worker died, froze or was stopped, and another one went on from the last finished step." : "";
    const after = bar.after ? `The attempt before it has failed: ${bar.after.type}: ${bar.after.message}` : "";
    return [bar.worker && el("p", {}, "Worker: ", el("code", {}, bar.worker)), after && el("p", {}, after), cut && el("p", {}, cut), link && el("p", {}, link)];
  }

  tick() {
    if (this.saying && !this.node.hidden) setText(this.saying, this.output.textOf(this.bar.node));
  }
}

function kind(bar) {
  return { queue: "", attempt: "", wait: "", mark: "Event", step: "Node", model: "Model", tool: "Tool" }[bar.kind] ?? bar.kind;
}

function facts(bar) {
  const usage = bar.usage || {};
  const found = {
    from: moment(new Date(bar.begin).toISOString()),
    took: bar.state === "running" ? `${duration(bar.end - bar.begin)} so far` : duration(bar.end - bar.begin),
    state: bar.state,
    node: bar.path?.length > 1 ? bar.path.join(" › ") : bar.node,
    step: bar.step,
    attempt: bar.attempt,
    tokens: usage.total_tokens ? `${amount(usage.input_tokens)} in · ${amount(usage.output_tokens)} out` : "",
  };
  return el("dl", { class: "facts" }, Object.entries(found).filter(([, text]) => text !== undefined && text !== "").map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
}

function messages(content) {
  if (content === null) return el("p", { class: "dim" }, "Contents are not kept here (capture_message_content).");
  const all = content?.messages || content?.prompts;
  if (!Array.isArray(all)) return valueView(content, { open: 2 });
  return el("div", { class: "said" }, all.slice(-20).map((one) => message(one)));
}

export function message(one) {
  if (one === null || typeof one !== "object") return el("article", { class: "message" }, el("div", { class: "said-text" }, textOf(one)));
  const calls = (Array.isArray(one.tool_calls) ? one.tool_calls : []).map((call) => `→ ${call.name}(${JSON.stringify(call.args)})`).join("\n");
  return el("article", { class: "message", data: { type: one.type } }, el("header", {}, one.name || one.type || one.role), el("div", { class: "said-text" }, textOf(one.content)), calls && el("div", { class: "said-calls" }, calls));
}

function outcome(bar, content) {
  if (bar.state === "error") return el("div", { class: "failure" }, el("strong", {}, content?.type || "error"), el("pre", {}, content?.message ?? textOf(content)), content?.traceback && el("details", {}, el("summary", {}, "Traceback"), el("pre", {}, content.traceback)));
  if (content === null) return el("p", { class: "dim" }, "Contents are not kept here (capture_message_content).");
  return content && typeof content === "object" && "content" in content ? message(content) : valueView(content, { open: 2 });
}
