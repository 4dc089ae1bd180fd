// The states of a thread: looked at, compared, edited, and forked from.

import { get, path, post } from "./api.js";
import { compared } from "./diff.js";
import { announce, button, el, replace } from "./dom.js";
import { moment, straight } from "./format.js";
import { valueView } from "./value.js";

const PAGE = 30;

export class History {
  constructor(threadId, run) {
    this.place = `ui/threads/${path(threadId)}`;
    this.run = run;
    this.found = [];
    this.list = el("ol", { class: "checkpoints" });
    this.more = button("Older checkpoints", () => this.load(), { class: "quiet" });
    this.view = el("div", { class: "state-view", "aria-live": "polite" });
    this.node = el("div", { class: "history" }, el("div", { class: "history-list" }, el("p", { class: "dim" }, "Choose one to look at it, two to compare them."), this.list, this.more), this.view);
    this.chosen = [];
    this.load();
  }

  update(run) {
    const moved = this.run && this.run.steps !== run.steps;
    this.run = run;
    if (moved) this.refresh();
  }

  async refresh() {
    const page = await get(`${this.place}/history`, { limit: 5 });
    const known = new Set(this.found.map((one) => one.checkpoint_id));
    const fresh = page.checkpoints.filter((one) => !known.has(one.checkpoint_id));
    this.found.unshift(...fresh);
    this.list.prepend(...fresh.map((one) => this.entry(one)));
  }

  async load() {
    try {
      const page = await get(`${this.place}/history`, { limit: PAGE, before: this.found.at(-1)?.checkpoint_id });
      this.found.push(...page.checkpoints);
      this.list.append(...page.checkpoints.map((one) => this.entry(one)));
      this.more.hidden = !page.more;
      if (!this.found.length) replace(this.view, el("p", { class: "dim" }, "The thread has no state yet."));
    } catch (error) {
      replace(this.view, el("p", { class: "bad" }, error.message));
      this.more.hidden = true;
    }
  }

  entry(one) {
    const box = el("input", { type: "checkbox", value: one.checkpoint_id, onchange: (event) => this.choose(event.target) });
    const next = one.next.length ? `next: ${one.next.map(straight).join(", ")}` : "at its end";
    return el("li", {}, el("label", {}, box, el("span", {}, `step ${one.step ?? "?"}`), el("span", { class: "dim" }, one.source), el("span", {}, next), el("span", { class: "dim" }, moment(one.at))));
  }

  choose(box) {
    if (box.checked) this.chosen.push(box);
    else this.chosen = this.chosen.filter((one) => one !== box);
    while (this.chosen.length > 2) this.chosen.shift().checked = false;
    this.look();
  }

  async look() {
    const ids = this.chosen.map((one) => one.value);
    if (!ids.length) return void replace(this.view);
    const order = this.found.map((one) => one.checkpoint_id);
    ids.sort((one, other) => order.indexOf(other) - order.indexOf(one));
    try {
      const states = await Promise.all(ids.map((id) => get(`${this.place}/state`, { checkpoint_id: id })));
      replace(this.view, states.length === 2 ? [el("h3", {}, "From the older to the newer one"), compared(states[0].values, states[1].values)] : this.state(states[0]));
    } catch (error) {
      replace(this.view, el("p", { class: "bad" }, error.message));
    }
  }

  state(state) {
    const said = el("p", { class: "bad", role: "alert" });
    const fork = this.run && button("Fork: run on from here", () => this.act(said, () => post(`${this.place}/runs/${path(this.run.run_id)}/fork`, { checkpoint_id: state.checkpoint_id })), { title: "A new run of this graph that begins at this checkpoint" });
    const form = this.editing(state, said);
    const edit = button("Edit the state", () => {
      form.hidden = !form.hidden;
      edit.setAttribute("aria-expanded", String(!form.hidden));
    }, { "aria-expanded": "false" });
    return [el("div", { class: "bar" }, el("h3", {}, `Checkpoint ${state.checkpoint_id.slice(-12)}`), el("span", { class: "spacer" }), el("div", { class: "buttons" }, fork, edit)),
      state.source === "stored" && el("p", { class: "dim" }, "As it is stored: no worker was there that has the graph."), said, form,
      state.tasks?.filter((task) => task.error).map((task) => el("p", { class: "bad" }, `${straight(task.name)}: ${task.error}`)), valueView(state.values, { open: 2 })];
  }

  editing(state, said) {
    const values = el("textarea", { id: "edit-values", rows: 8, spellcheck: "false", value: JSON.stringify({}, null, 2) });
    const node = el("input", { id: "edit-node", placeholder: "found by LangGraph", spellcheck: "false" });
    const save = () => {
      let written;
      try {
        written = JSON.parse(values.value);
      } catch (error) {
        replace(said, `The values are no JSON: ${error.message}`);
        return;
      }
      this.act(said, () => post(`${this.place}/state`, { values: written, as_node: node.value || null, checkpoint_id: state.checkpoint_id }));
    };
    return el("form", { class: "edit", hidden: true, onsubmit: (event) => {
      event.preventDefault();
      save();
    } }, el("p", { class: "dim" }, "These values go through the graph's reducers, as if a node had returned them, and make a new checkpoint."),
      el("label", { for: "edit-values" }, "Values (JSON)"), values, el("label", { for: "edit-node" }, "As node"), node, el("div", { class: "buttons" }, el("button", { class: "primary" }, "Write them")));
  }

  async act(said, call) {
    replace(said, el("span", { class: "dim" }, "Asking for it …"));
    try {
      const made = await call();
      replace(said);
      if (made?.run_id) location.hash = `#/runs/${path(made.thread_id, made.run_id)}`;
      else {
        announce("A new checkpoint was made.");
        await this.refresh();
      }
    } catch (error) {
      replace(said, error.message);
    }
  }
}
