// One run: what it does and why it stands still, its timeline, its graph, what it says, and what can be done with it.

import { get, path } from "./api.js";
import { about } from "./app.js";
import { actionsFor } from "./actions.js";
import { AnswerForm } from "./answer.js";
import { Detail } from "./detail.js";
import { announce, apart, el, replace, setText, soon } from "./dom.js";
import { STATUS, amount, duration, elapsed, isEnded, moment, plural, straight } from "./format.js";
import { GraphView } from "./graph.js";
import { History } from "./history.js";
import { Output } from "./output.js";
import { Polling } from "./polling.js";
import { since, statusPill } from "./runs.js";
import { Story } from "./story.js";
import { Timeline } from "./timeline.js";
import { valueView } from "./value.js";

const EVERY = 1000;
const ENDED = 15000;
const STEPS = 50;
const STEPS_AGAIN = 2500;

export function show(main, at) {
  const page = new RunPage(main, ...at.words);
  return { leave: () => page.leave() };
}

class RunPage {
  constructor(main, threadId, runId) {
    this.ids = { thread_id: threadId, run_id: runId };
    this.place = `ui/threads/${path(threadId)}/runs/${path(runId)}`;
    this.story = new Story();
    this.steps = [];
    this.run = null;
    this.skew = 0;
    this.head = el("div", { class: "head" });
    this.facts = el("dl", { class: "facts" });
    this.whyText = apart("");
    this.whySince = el("span");
    this.behind = el("span");
    this.why = el("p", { class: "why-line", hidden: true }, this.whyText, this.whySince, this.behind);
    this.error = el("div", { hidden: true });
    this.ask = el("div", { class: "ask" });
    this.actions = el("div", { class: "buttons actions" });
    this.timeline = new Timeline((bar) => this.open(bar));
    this.output = new Output(this.ids, { onend: () => this.polling.now() });
    this.detail = new Detail(this.place, this.ids, this.output, (bar) => this.timeline.focus(bar));
    this.graphPart = el("section", { class: "panel", "aria-label": "Graph" }, el("h2", {}, "Graph"));
    this.ending = el("details", { class: "fold", hidden: true }, el("summary", {}, "Values at its end"));
    this.asked = el("details", { class: "panel fold" }, el("summary", {}, "Input and settings of the run"));
    this.historyPart = el("details", { class: "panel fold" }, el("summary", {}, "State: each checkpoint, compared, edited, forked"));
    this.fold();
    replace(main, el("div", { class: "run-page" }, this.head, this.facts, this.why, this.error, this.ask, this.actions,
      el("section", { class: "panel wide", "aria-label": "Timeline" }, el("h2", {}, "Timeline"), this.timeline.node),
      this.detail.node,
      el("div", { class: "columns" }, this.graphPart, el("section", { class: "panel", "aria-label": "Output" }, el("h2", {}, "What it says"), this.output.node, this.ending)),
      this.historyPart, this.asked));
    this.polling = new Polling(() => this.look(), EVERY);
    this.redraw = () => this.polling.ended || this.draw();
    this.tick = () => this.drawTimes();
    this.ticking = setInterval(() => soon(this.tick), EVERY);
    this.polling.now();
  }

  fold() {
    this.ending.addEventListener("toggle", () => this.fillEnding());
    this.asked.addEventListener("toggle", async () => {
      if (!this.asked.open || this.asked.dataset.filled) return;
      this.asked.dataset.filled = "yes";
      this.asked.append(valueView(await get(`${this.place}/asked`), { open: 2 }));
    });
    this.historyPart.addEventListener("toggle", () => {
      if (!this.historyPart.open || this.history) return;
      this.history = new History(this.ids.thread_id, this.run);
      this.historyPart.append(this.history.node);
    });
  }

  async fillEnding() {
    const last = this.steps.filter((step) => !step.namespace).at(-1);
    if (!this.ending.open || this.ending.dataset.filled || !last) return;
    this.ending.dataset.filled = "yes";
    const state = await get(`ui/threads/${path(this.ids.thread_id)}/state`, { checkpoint_id: last.checkpoint_id });
    this.ending.append(valueView(state.values, { open: 2 }));
  }

  async look() {
    const before = this.run?.status;
    let run, part;
    try {
      // What is new in its timeline comes with it, but not before it is there itself: that may be much.
      ({ timeline: part, ...run } = await get(this.place, { after: before && this.story.cursor }));
    } catch (error) {
      if (error.status === 404) this.gone();
      throw error;
    }
    this.run = run;
    this.skew = Date.parse(run.at) - Date.now();
    if (!before) this.draw();
    await this.read(part);
    soon(this.redraw);
    if (before && before !== run.status) announce(`The run is ${STATUS[run.status]}.`);
    if (before && !isEnded(run.status) && run.status !== "awaiting_input") this.output.follow();
    return isEnded(run.status) ? ENDED : EVERY;
  }

  gone() {
    replace(this.head, el("h1", {}, "There is no such run"), el("p", { class: "dim" }, `Run ${this.ids.run_id} is not there (any more), or is not yours.`));
  }

  async read(part) {
    const more = () => get(`${this.place}/timeline`, { after: this.story.cursor });
    for (part ||= await more(); ; part = await more()) {
      if (this.story.addTurns(part.turns)) {
        this.story.reset();
        this.story.addTurns(part.turns);
        continue;
      }
      this.story.addEvents(part.events);
      this.story.cursor = part.next;
      if (!part.more) break;
      this.drawTimeline();
    }
    await this.readSteps();
  }

  // The newest first, until one that is known. Each has the whole state in it, so they are read when there may be a new
  // one; of graphs within only they themselves tell.
  async readSteps() {
    const mark = `${this.run.steps} ${this.run.status} ${this.run.attempt}`;
    if (this.stepsMark === mark && this.now - this.stepsAt < STEPS_AGAIN) return;
    this.stepsMark = mark;
    this.stepsAt = this.now;
    const known = new Set(this.steps.map((step) => step.checkpoint_id));
    const found = [];
    let before = "";
    for (;;) {
      const page = await get(`${this.place}/steps`, { limit: known.size ? 3 : STEPS, before });
      found.push(...page.steps.filter((step) => !known.has(step.checkpoint_id)));
      if (!page.more || page.steps.some((step) => known.has(step.checkpoint_id)) || found.length >= 2000) break;
      before = page.steps.at(-1).checkpoint_id;
      this.story.steps = [...this.steps, ...[...found].reverse()];
      this.drawTimeline();
    }
    this.steps.push(...found.reverse());
    this.story.steps = this.steps;
  }

  get now() {
    return Date.now() + this.skew;
  }

  drawTimes() {
    if (!this.run || document.hidden || isEnded(this.run.status)) return;
    this.drawFacts();
    this.drawTimeline();
    this.detail.tick();
  }

  draw() {
    const { run } = this;
    document.title = `${STATUS[run.status]} · ${straight(run.title || run.graph)} · Perdure`;
    this.drawHead();
    this.drawFacts();
    this.drawAsk();
    this.ending.hidden = !isEnded(run.status) || !this.steps.length;
    this.drawTimeline();
    if (!this.graph) {
      this.graph = new GraphView(run.graph);
      this.graphPart.append(this.graph.node);
    }
    this.graph.show(this.story.walked(run));
    this.history?.update(run);
  }

  drawHead() {
    const { run } = this;
    const text = JSON.stringify([run.status, run.title, run.error, run.can_go_on, run.answerable]);
    if (this.headText === text) return;
    this.headText = text;
    replace(this.head, el("p", { class: "crumbs" }, el("a", { href: "#/" }, "Runs"), " / ", el("a", { href: `#/threads/${path(run.thread_id)}` }, `thread ${run.thread_id}`)),
      el("h1", {}, statusPill(run.status), " ", apart(run.title || run.graph), " ", el("span", { class: "id" }, run.run_id)));
    about.then((known) => known.temporal_ui && !this.head.querySelector(".temporal") && this.head.append(el("a", { class: "temporal", href: `${known.temporal_ui}${path(run.workflow_id)}`, target: "_blank", rel: "noopener noreferrer" }, "In the Temporal UI")));
    this.error.hidden = !run.error;
    replace(this.error, run.error && el("div", { class: "failure" }, el("strong", {}, run.error.type), el("pre", {}, run.error.message),
      run.error.traceback && el("details", {}, el("summary", {}, "Traceback"), el("pre", {}, run.error.traceback))));
    this.actions.hidden = run.status === "success";
    this.anew(this.actions, actionsFor(run, () => this.polling.now()));
  }

  // Who has pressed a button that is not there any more stands at the beginning of the page's content, and not outside it.
  anew(node, ...children) {
    const isHere = node.contains(document.activeElement);
    replace(node, ...children);
    if (isHere) document.getElementById("main").focus({ preventScroll: true });
  }

  drawFacts() {
    const { run } = this;
    // Where it goes on its record has what it had used at its last question.
    const usage = (run.status !== "running" && run.usage) || counted(this.story);
    const facts = {
      graph: run.graph,
      time: run.started_at ? duration(elapsed(run, this.now)) : "not started",
      started: moment(run.started_at),
      steps: amount(run.steps),
      attempts: amount(run.attempt),
      tokens: usage.total_tokens ? `${amount(usage.input_tokens)} in · ${amount(usage.output_tokens)} out${usage.cache_read_tokens ? ` · ${amount(usage.cache_read_tokens)} cached` : ""}` : amount(run.tokens),
      calls: usage.llm_calls || usage.tool_calls ? `${plural(usage.llm_calls, "model call")} · ${plural(usage.tool_calls, "tool call")}` : "",
      user: run.user_id || "",
    };
    const shown = Object.entries(facts).filter(([, text]) => text);
    const names = shown.map(([name]) => name).join();
    if (this.factNames !== names) {
      this.factNames = names;
      replace(this.facts, shown.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", { data: { fact: name } }, text))));
    } else for (const [name, text] of shown) setText(this.facts.querySelector(`[data-fact="${name}"]`), text);
    this.why.hidden = !run.why || Boolean(run.error);
    if (run.why) {
      const why = this.reason(run);
      setText(this.whyText, why.text);
      setText(this.whySince, since(why, this.now));
    }
    const behind = run.why?.behind || "";
    if (this.behind.dataset.of !== behind) {
      this.behind.dataset.of = behind;
      replace(this.behind, behind && [" · ", el("a", { href: `#/runs/${path(run.thread_id, behind)}` }, "look at that run")]);
    }
    this.why.dataset.reason = run.why?.reason || "";
  }

  // Which nodes a step is of, and since when, the list does not know.
  reason(run) {
    const last = this.steps.filter((step) => !step.namespace).at(-1);
    if (run.why.reason !== "step" || !last?.next.length || !run.why.text.startsWith("Step ")) return run.why;
    return { ...run.why, text: `Step ${(last.step ?? -1) + 1} is under way: ${last.next.join(", ")}`, since: last.at };
  }

  drawAsk() {
    const { run } = this;
    const text = run.answerable ? JSON.stringify(run.questions) : "";
    if (this.askText === text) return;
    this.askText = text;
    if (!text) return void this.anew(this.ask);
    const form = new AnswerForm(run, run.questions, (answered) => {
      if (answered && answered.run_id !== run.run_id) location.hash = `#/runs/${path(answered.thread_id, answered.run_id)}`;
      else {
        this.askText = null;  // it may ask the same once more
        this.polling.now();
      }
    });
    replace(this.ask, el("h2", {}, "It asks"), form.node);
  }

  drawTimeline() {
    const { run } = this;
    if (!run) return;
    const end = run.ended_at ? Date.parse(run.ended_at) : this.now;
    this.timeline.show(this.story.rows(run, end), Date.parse(run.created_at), end);
  }

  open(bar) {
    this.detail.show(bar, this.run);
  }

  leave() {
    document.title = "Perdure";
    clearInterval(this.ticking);
    this.polling.end();
    this.output.end();
    this.timeline.end();
  }
}

// A record has its usage once its run is at rest; until then what was read of it is counted.
function counted({ tokens, calls }) {
  const kinds = [...calls.values()].map((call) => call.type);
  const tools = kinds.filter((kind) => kind === "tool_start").length;
  return { input_tokens: tokens.input, output_tokens: tokens.output, total_tokens: tokens.input + tokens.output, llm_calls: kinds.length - tools, tool_calls: tools };
}
