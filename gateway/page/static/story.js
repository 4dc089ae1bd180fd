// What happened in a run, as bars in rows: from its turns, its supersteps, and its model and tool calls.

const ENDS = { llm_response: "done", llm_error: "error", tool_end: "done", tool_error: "error" };
const BEGINS = ["llm_request", "tool_start"];
const MARKS = ["custom_event", "summarization", "node_error"];

export class Story {
  constructor() {
    this.reset();
  }

  reset() {
    this.turns = [];
    this.calls = new Map();
    this.marks = [];
    this.steps = [];
    this.cursor = 0;
    this.tokens = { input: 0, output: 0 };
  }

  // True when what was known before is not to be relied on: an attempt was cut, and says some of it again.
  addTurns(turns) {
    const attempts = (list) => list.filter((one) => one.type === "run_attempt_started").length;
    const anew = this.turns.length > 0 && attempts(turns) > attempts(this.turns);
    this.turns = turns;
    return anew;
  }

  addEvents(events) {
    for (const event of events) {
      if (BEGINS.includes(event.type)) this.calls.set(event.call_id, { ...event, begin: Date.parse(event.at), endSeq: null });
      else if (Object.hasOwn(ENDS, event.type)) this.end(event);
      else if (MARKS.includes(event.type)) this.marks.push({ ...event, begin: Date.parse(event.at) });
    }
  }

  end(event) {
    const call = this.calls.get(event.call_id);
    if (!call || call.end !== undefined) return;
    this.tokens.input += event.usage?.input_tokens || 0;
    this.tokens.output += event.usage?.output_tokens || 0;
    Object.assign(call, { end: Date.parse(event.at), endSeq: event.seq, outcome: ENDS[event.type], usage: event.usage, model: event.model || call.model });
  }

  // All rows with their bars; `now`: milliseconds, where what goes on ends.
  rows(run, now) {
    const begin = Date.parse(run.created_at);
    const until = run.ended_at ? Date.parse(run.ended_at) : now;
    const rows = new Map([["run", { key: "run", label: "run", depth: 0, bars: this.runBars(run, begin, until) }]]);
    const row = (key, label, depth, after) => {
      if (!rows.has(key)) rows.set(key, { key, label, depth, bars: [], after });
      return rows.get(key);
    };
    for (const bar of this.stepBars(run, until)) {
      const [top, ...inner] = bar.path;
      const key = `node:${top}`;
      row(key, top, 0);
      (inner.length ? row(`step:${bar.path.join("|")}`, inner.join(" › "), 1, key) : row(key)).bars.push(bar);
    }
    for (const call of this.calls.values()) this.callBar(call, run, until, row);
    for (const mark of this.marks) {
      const top = mark.path[0] || mark.node;
      (top ? row(`node:${top}`, top, 0) : rows.get("run")).bars.push({ kind: "mark", id: `m${mark.seq}`, seq: mark.seq, begin: mark.begin, end: mark.begin, ...marked(mark), node: mark.node });
    }
    return sorted([...rows.values()]);
  }

  callBar(call, run, until, row) {
    const names = call.path.length ? call.path : [call.node || "outside of nodes"];
    row(`node:${names[0]}`, names[0], 0);
    const called = call.tool || call.model || "model";
    const kind = call.type === "tool_start" ? "tool" : "model";
    const label = [...names.slice(1), called].join(" › ");
    const cut = call.end === undefined && (run.ended_at || this.cutAfter(call.begin));
    const end = call.end ?? (typeof cut === "number" ? cut : until);
    const { bars } = row(`call:${names.join("|")}|${called}`, label, 1, `node:${names[0]}`);
    if (call.bar) return void bars.push(call.bar);
    const bar = {
      kind, id: call.call_id, begin: call.begin, end, seq: call.seq, endSeq: call.endSeq, usage: call.usage,
      state: call.outcome || (cut ? "cut" : "running"), label: called, node: call.node, attempt: call.attempt, path: call.path,
    };
    if (call.end !== undefined) call.bar = bar;
    bars.push(bar);
  }

  cutAfter(begin) {
    const next = this.turns.find((turn) => turn.type === "run_attempt_started" && turn.attempt > 1 && Date.parse(turn.at) > begin);
    return next ? Date.parse(next.at) : null;
  }

  runBars(run, begin, until) {
    const bars = [];
    const add = (kind, from, to, state, label, more = {}) => to >= from && bars.push({ kind, id: `${kind}${from}`, begin: from, end: to, state, label, ...more });
    let open = null;
    const close = (at, state) => {
      if (open) add(open.kind, open.from, at, state || open.state, open.label, open.more);
      open = null;
    };
    const first = this.turns.find((turn) => turn.type === "run_started");
    const started = first ? Date.parse(first.at) : run.started_at ? Date.parse(run.started_at) : until;
    add("queue", begin, started, run.started_at ? "done" : "running", "in line");
    for (const turn of this.turns) {
      const at = Date.parse(turn.at);
      if (turn.type === "run_attempt_started") {
        close(at, open && open.kind === "attempt" ? "cut" : "done");
        open = { kind: "attempt", from: at, state: "running", label: `attempt ${turn.attempt}${turn.worker ? ` · ${turn.worker}` : ""}`, more: { attempt: turn.attempt, worker: turn.worker, after: turn.after } };
      } else if (turn.type === "run_awaiting_input") {
        close(at, "done");
        open = { kind: "wait", from: at, state: "running", label: "waits for an answer", more: { questions: turn.interrupts } };
      } else if (turn.type === "run_resumed") {
        close(at, "done");
        open = { kind: "attempt", from: at, state: "running", label: "goes on", more: {} };
      } else if (["run_completed", "run_failed", "run_cancelled"].includes(turn.type)) {
        close(at, { run_completed: "done", run_failed: "error", run_cancelled: "cut" }[turn.type]);
      }
    }
    close(until, "running");
    return bars;
  }

  // Of each graph, the thread's own and those within it, a superstep lasts from one checkpoint to the next.
  stepBars(run, until) {
    const graphs = new Map();
    for (const step of this.steps) graphs.set(step.namespace, [...(graphs.get(step.namespace) || []), step]);
    return [...graphs].flatMap(([namespace, steps]) => steps.flatMap((step, at) => this.stepBar(run, until, namespace, step, steps[at + 1])));
  }

  stepBar(run, until, namespace, step, after) {
    const within = namesOf(namespace);
    const cut = after ? null : this.cutAfter(Date.parse(step.at));
    const state = after ? "done" : run.status === "running" && !within.length ? "running" : run.status === "running" ? (cut ? "cut" : "running") : endState(run, step);
    return [...new Set(step.next)].filter(isNode).map((node) => ({
      kind: "step", id: `s${step.checkpoint_id}${node}`, node, path: [...within, node], begin: Date.parse(step.at), end: after ? Date.parse(after.at) : state === "cut" && cut ? cut : until, state, label: node,
      step: (step.step ?? -1) + 1, checkpoint: within.length ? null : step.checkpoint_id, next: after?.checkpoint_id,
    }));
  }

  // How often each node was done, which of them is at work, and which edges were taken.
  walked(run) {
    const counts = new Map();
    const edges = new Set();
    const last = new Map();
    const befores = new Map();
    for (const step of this.steps) {
      const within = namesOf(step.namespace);
      const name = (node) => [...within, node].join(":");
      const nodes = [...new Set(step.next)].filter(isNode).map(name);
      for (const node of last.get(step.namespace) || []) counts.set(node, (counts.get(node) || 0) + 1);
      for (const node of nodes) for (const from of befores.get(step.namespace) || (within.length ? [] : ["__start__"])) edges.add(`${from} ${node}`);
      last.set(step.namespace, nodes);
      if (nodes.length) befores.set(step.namespace, nodes);
    }
    if (run.status === "success") for (const from of befores.get("") || []) edges.add(`${from} __end__`);
    const active = last.get("") || [];
    const inner = [...last].filter(([namespace]) => namespace && active.includes(namesOf(namespace)[0])).flatMap(([, nodes]) => nodes);
    const all = [...active, ...inner];
    const goesOn = ["running", "awaiting_input"].includes(run.status);
    return { counts, edges, active: goesOn ? all : [], failed: ["error", "timeout"].includes(run.status) ? all : [], asks: run.status === "awaiting_input" };
  }
}

// What LangGraph itself calls so is none of the graph's nodes.
function isNode(name) {
  return !/^__(start|end|pregel_\w+)(__)?$/.test(name);
}

// The nodes of a namespace of LangGraph's; a number counts the calls of graphs in one task.
function namesOf(namespace) {
  return namespace.split("|").filter((part) => part && !/^\d+$/.test(part)).map((part) => part.split(":")[0]);
}

function endState(run, step) {
  if (run.status === "error" || run.status === "timeout") return "error";
  if (run.status === "awaiting_input" || (step.questions && run.status === "interrupted")) return "asks";
  return run.status === "success" ? "done" : "cut";
}

function sorted(rows) {
  const tops = rows.filter((row) => row.depth === 0);
  const first = new Map(tops.map((top) => [top, top.key === "run" ? -1 : earliest([top, ...rows.filter((one) => one.after === top.key)])]));
  tops.sort((one, other) => first.get(one) - first.get(other));
  return tops.flatMap((top) => [top, ...rows.filter((row) => row.after === top.key)]).filter((row) => row.bars.length || row.depth === 0);
}

function earliest(rows) {
  let found = Infinity;
  for (const row of rows) for (const bar of row.bars) if (bar.begin < found) found = bar.begin;
  return found;
}

// A node that has failed may be executed again: then its bar goes on.
function marked(mark) {
  if (mark.type === "node_error") return { state: "error", label: `failed (${mark.failures}): ${mark.error}` };
  return { state: "done", label: mark.name || mark.type.replace("_", " ") };
}
