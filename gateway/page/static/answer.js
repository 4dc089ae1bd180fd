// What a run asks, and a form to answer: approve, reject and edit for LangChain's HITLRequest, else text or JSON.

import { post, path } from "./api.js";
import { announce, button, el, isBusy, replace, setBusy } from "./dom.js";
import { straight } from "./format.js";
import { valueView } from "./value.js";

export class AnswerForm {
  constructor(run, questions, onanswered) {
    this.run = run;
    this.questions = questions;
    this.onanswered = onanswered;
    this.parts = questions.map((question, at) => partFor(question, at));
    this.problem = el("p", { class: "bad", role: "alert" });
    this.doing = el("span", { class: "dim", role: "status" });
    this.send = el("button", { class: "primary" }, questions.every(isBreakpoint) ? "Continue" : "Send the answer");
    this.node = el("form", { class: "answer", "aria-label": "Answer", onsubmit: (event) => this.submit(event) },
      this.parts.map((part) => part.node), this.problem, el("div", { class: "buttons" }, this.send, this.doing));
  }

  async submit(event) {
    event.preventDefault();
    if (isBusy(this.send)) return;
    let value;
    try {
      const values = this.parts.map((part) => part.value());
      value = values.length === 1 ? values[0] : Object.fromEntries(this.questions.map((one, at) => [one.id, values[at]]));
    } catch (error) {
      replace(this.problem, error.message);
      return;
    }
    setBusy(this.send, true);
    replace(this.problem);
    // While no worker is there to take it, that lasts.
    replace(this.doing, "Sending it …");
    try {
      const run = await post(`ui/threads/${path(this.run.thread_id)}/runs/${path(this.run.run_id)}/answer`, { value });
      replace(this.doing, "It was sent.");
      announce("The answer was sent.");
      this.onanswered(run);
    } catch (error) {
      replace(this.problem, error.message);
      replace(this.doing);
      setBusy(this.send, false);
    }
  }
}

function isBreakpoint(question) {
  return question.breakpoint;
}

function partFor(question, at) {
  if (isBreakpoint(question)) return { node: el("p", {}, "It stands at a breakpoint, and goes on when it is continued."), value: () => true };
  const asked = question.value;
  if (asked && Array.isArray(asked.action_requests)) return decisions(asked, at);
  return free(asked, at);
}

function free(asked, at) {
  const isText = typeof asked === "string";
  const input = el("textarea", { id: `answer-${at}`, rows: 3, spellcheck: "false", required: true });
  const form = el("select", { "aria-label": "How the answer is read" }, el("option", { value: "text" }, "as text"), el("option", { value: "json" }, "as JSON"));
  const put = (value) => () => {
    input.value = value;
    form.value = "json";
    input.focus();
  };
  return {
    node: el("fieldset", {}, el("legend", {}, "Question"), isText ? el("p", { class: "question" }, asked) : valueView(asked, { open: 3 }),
      el("label", { for: `answer-${at}` }, "Answer"), input,
      el("div", { class: "buttons" }, form, button("true", put("true"), { class: "quiet" }), button("false", put("false"), { class: "quiet" }))),
    value: () => (form.value === "json" ? parsed(input.value, "The answer") : input.value),
  };
}

function parsed(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is no JSON: ${error.message}`);
  }
}

function decisions(asked, at) {
  const parts = asked.action_requests.map((action, number) => decision(action, allowed(asked, action, number), `${at}-${number}`));
  return { node: el("div", {}, parts.map((part) => part.node)), value: () => ({ decisions: parts.map((part) => part.value()) }) };
}

function allowed(asked, action, number) {
  const configs = asked.review_configs || [];
  const config = configs.find((one) => one.action_name === action.name) || configs[number];
  return config?.allowed_decisions || ["approve", "edit", "reject"];
}

const LABELS = new Map([["approve", "Approve"], ["edit", "Edit"], ["reject", "Reject"], ["respond", "Respond"]]);

function decision(action, choices, id) {
  const args = el("textarea", { id: `args-${id}`, rows: 5, spellcheck: "false", value: JSON.stringify(action.args ?? action.arguments ?? {}, null, 2) });
  const why = el("textarea", { id: `why-${id}`, rows: 2 });
  const edits = el("div", { hidden: true }, el("label", { for: `args-${id}` }, "Arguments (JSON)"), args);
  const says = el("div", { hidden: true }, el("label", { for: `why-${id}` }, "What it is told"), why);
  let chosen = null;
  const choose = (choice) => {
    chosen = choice;
    edits.hidden = choice !== "edit";
    says.hidden = choice !== "reject" && choice !== "respond";
  };
  const radios = choices.map((choice) => el("label", { class: "choice" }, el("input", { type: "radio", name: `decision-${id}`, value: choice, required: true, onchange: () => choose(choice) }), LABELS.get(choice) || choice));
  return {
    node: el("fieldset", {}, el("legend", {}, el("code", {}, action.name)), action.description && el("p", { class: "question" }, action.description), valueView(action.args ?? action.arguments ?? {}, { open: 2 }), el("div", { class: "choices" }, radios), edits, says),
    value: () => {
      if (!chosen) throw new Error(`Choose what becomes of ${straight(action.name)}.`);
      if (chosen === "edit") return { type: "edit", edited_action: { name: action.name, args: parsed(args.value, `The arguments of ${straight(action.name)}`) } };
      if (chosen === "approve") return { type: "approve" };
      return { type: chosen, ...(why.value ? { message: why.value } : {}) };
    },
  };
}
