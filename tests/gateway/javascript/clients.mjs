// What people's programs do with LangGraph's clients for JavaScript, each as `node clients.mjs NAME URL`.
// It tells what it has come to as lines of JSON, and fails by an exception.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";
import { RemoteGraph } from "@langchain/langgraph/remote";

const [name, apiUrl] = process.argv.slice(2);
const client = new Client({ apiUrl });
const WORDS = "It is sunny today.";
const tell = (told) => console.log(JSON.stringify(told));

async function all(stream) {
  const found = [];
  for await (const part of stream) found.push(part);
  return found;
}

const datas = (parts, event) => parts.filter((part) => part.event === event).map((part) => part.data);

const scenarios = {
  async threads() {
    const thread = await client.threads.create({ metadata: { team: "js" } });
    assert.deepEqual((await client.threads.get(thread.thread_id)).metadata, { team: "js" });
    await client.threads.update(thread.thread_id, { metadata: { more: 1 } });
    const values = await client.runs.wait(thread.thread_id, "steps", { input: { tag: "x" } });
    assert.deepEqual(values.log, ["a:x", "b:x", "c:x"]);
    const [found] = await client.threads.search({ metadata: { team: "js", more: 1 } });
    assert.equal(found.thread_id, thread.thread_id);
    assert.equal(await client.threads.count({ metadata: { team: "js" } }), 1);
    const state = await client.threads.getState(thread.thread_id);
    assert.deepEqual([state.values.tag, state.next], ["x", []]);
    await client.threads.updateState(thread.thread_id, { values: { tag: "y" } });
    const history = await client.threads.getHistory(thread.thread_id, { limit: 10 });
    assert.deepEqual([history.length, history[0].values.tag], [6, "y"]);
    const older = await client.threads.getHistory(thread.thread_id, { before: { configurable: history[1].checkpoint } });
    assert.equal(older[0].checkpoint.checkpoint_id, history[2].checkpoint.checkpoint_id);
    const copy = await client.threads.copy(thread.thread_id);
    assert.equal((await client.threads.getState(copy.thread_id)).values.tag, "y");
    const [run] = await client.runs.list(thread.thread_id);
    assert.equal((await client.runs.get(thread.thread_id, run.run_id)).status, "success");
    await client.threads.delete(thread.thread_id);
    await assert.rejects(client.threads.get(thread.thread_id), /404/);
  },

  // What agent-chat-ui does beside its `useStream` (page.mjs): with these fields.
  async agent_chat_ui() {
    assert.ok((await fetch(`${apiUrl}/info`, { headers: { "X-Api-Key": "none" } })).ok);
    const { thread_id: thread } = await client.threads.create({ metadata: {} });
    const asked = { input: { question: "ok?" }, streamMode: ["values"], streamSubgraphs: true, streamResumable: true };
    await all(client.runs.stream(thread, "ask", { ...asked, onDisconnect: "continue" }));
    const [found] = await client.threads.search({ metadata: { graph_id: "ask" }, limit: 100, ids: [thread] });
    assert.deepEqual([found.thread_id, found.status, Object.keys(found.interrupts).length], [thread, "interrupted", 1]);
    const assistant = found.metadata.assistant_id;
    assert.equal((await client.threads.search({ metadata: { assistant_id: assistant }, ids: [thread] })).length, 1);
    const resolve = { input: {}, command: { goto: "__end__" }, streamMode: ["values"] };
    await all(client.runs.stream(thread, assistant, resolve));
    // As LangGraph has it: nothing is at the end, so the node that is due asks again.
    const { status, interrupts } = await client.threads.get(thread);
    assert.deepEqual([status, Object.keys(interrupts).length], ["interrupted", 1]);
    const answered = { command: { resume: { decisions: [{ type: "accept" }] } }, streamMode: ["values"] };
    const told = await all(client.runs.stream(thread, assistant, answered));
    assert.deepEqual(told.at(-1).data.answer, { decisions: [{ type: "accept" }] });
    assert.equal((await client.threads.get(thread)).status, "idle");
  },

  // What deer-flow's pages do: with these fields.
  async deer_flow() {
    const onRequest = (_, init) => ({ ...init, headers: new Headers([...new Headers(init.headers), ["X-CSRF-Token", "t"]]) });
    const deer = new Client({ apiUrl, onRequest });
    const thread = crypto.randomUUID();
    await deer.threads.create({ threadId: thread, ifExists: "do_nothing" });
    const content = [{ type: "text", text: "weather?" }];
    const files = [{ filename: "a.txt", size: 1, path: "/mnt/a.txt", status: "uploaded" }];
    let run;
    const parts = await all(
      deer.runs.stream(thread, "chat", {
        input: { messages: [{ type: "human", content, additional_kwargs: { files } }] },
        config: { recursion_limit: 1000 },
        context: { thread_id: thread, thinking_enabled: false, is_plan_mode: true, reasoning_effort: "low" },
        streamMode: ["values", "messages-tuple", "custom"],
        streamSubgraphs: true,
        onDisconnect: "continue",
        onRunCreated: (created) => (run = created.run_id),
      }),
    );
    assert.equal(datas(parts, "messages").map(([part]) => part.content).join(""), WORDS);
    const select = ["thread_id", "updated_at", "values", "metadata"];
    const listed = await deer.threads.search({ limit: 50, offset: 0, sortBy: "updated_at", sortOrder: "desc", select });
    assert.deepEqual([listed[0].thread_id, Object.keys(listed[0]).sort()], [thread, select.sort()]);
    assert.deepEqual(listed[0].values.messages[0].additional_kwargs, { files });
    assert.deepEqual((await deer.runs.list(thread)).map((one) => one.run_id), [run]);
    assert.equal((await deer.runs.get(thread, run)).status, "success");
    assert.equal((await deer.threads.getHistory(thread, { limit: 1 })).length, 1);
    assert.equal((await all(deer.runs.joinStream(thread, run, { streamMode: ["values"] }))).at(-1).event, "values");
    await assert.rejects(deer.runs.cancel(thread, run), /404|409/);
    await deer.threads.updateState(thread, { values: { messages: [{ type: "human", content: "again" }] } });
    assert.equal((await deer.threads.getState(thread)).values.messages.at(-1).content, "again");
    await deer.threads.delete(thread);
  },

  async modes() {
    const { thread_id: thread } = await client.threads.create();
    const streamMode = ["values", "updates", "tasks", "checkpoints", "debug", "custom", "events"];
    const steps = await all(client.runs.stream(thread, "steps", { input: { tag: "m" }, streamMode }));
    assert.equal(steps[0].event, "metadata");
    assert.equal(datas(steps, "values").length, 4);
    assert.deepEqual(datas(steps, "updates").map((one) => Object.keys(one)[0]), ["a", "b", "c"]);
    assert.equal(datas(steps, "tasks").length, 6);
    assert.equal(datas(steps, "checkpoints").length, 5);
    assert.equal(datas(steps, "debug").length, 11);
    assert.ok(datas(steps, "events").some((one) => one.event === "on_chain_end"));
    const custom = await all(client.runs.stream(null, "custom", { input: { tag: "c" }, streamMode: "custom" }));
    assert.deepEqual(datas(custom, "custom"), [{ said: "c" }]);
    const input = { messages: [{ type: "human", content: "weather?" }] };
    const chat = await all(client.runs.stream(null, "chat", { input, streamMode: ["messages", "messages-tuple"] }));
    assert.equal(datas(chat, "messages").map(([part]) => part.content).join(""), WORDS);
    assert.equal(datas(chat, "messages/partial").at(-1)[0].content, WORDS);
    const below = await all(
      client.runs.stream(null, "parent", { input: { tag: "s" }, streamMode: "updates", streamSubgraphs: true }),
    );
    assert.equal(below.filter((part) => part.event.startsWith("updates|child:")).length, 3);
    const failed = await all(client.runs.stream(null, "fails", { input: {}, streamMode: "values" }));
    assert.deepEqual(failed.at(-1), { ...failed.at(-1), event: "error", data: { error: "ValueError", message: "boom" } });
  },

  async joining() {
    const { thread_id: thread } = await client.threads.create();
    let run;
    const parts = await all(
      client.runs.stream(thread, "steps", {
        input: { tag: "j" },
        streamMode: "updates",
        streamResumable: true,
        onRunCreated: (created) => (run = created),
      }),
    );
    assert.equal(run.thread_id, thread);
    const again = await all(client.runs.joinStream(thread, run.run_id, { lastEventId: "-1" }));
    assert.deepEqual(again, parts);
    const rest = await all(client.runs.joinStream(thread, run.run_id, { lastEventId: again[1].id }));
    assert.deepEqual(rest, again.slice(2));
    const filtered = await all(client.runs.joinStream(thread, run.run_id, { lastEventId: "-1", streamMode: ["values"] }));
    assert.deepEqual(filtered, []);
    const stateless = await all(client.runs.joinStream(null, run.run_id, { lastEventId: "-1" }));
    assert.deepEqual(stateless, parts);
    assert.deepEqual((await client.runs.join(thread, run.run_id)).log, ["a:j", "b:j", "c:j"]);
  },

  // Its gateway is killed, and started again, when it has told of the first update.
  async reconnecting() {
    const { thread_id: thread } = await client.threads.create();
    const patient = new Client({ apiUrl, callerOptions: { maxRetries: 20 } });
    const found = [];
    const stream = patient.runs.stream(thread, "steps", {
      input: { tag: "k", wait: 1 },
      streamMode: "updates",
      streamResumable: true,
    });
    for await (const part of stream) {
      if (part.event === "updates") found.push(Object.keys(part.data)[0]);
      if (found.length === 1 && part.event === "updates") tell("kill");
    }
    assert.deepEqual(found, ["a", "b", "c"]);
  },

  async questions() {
    const { thread_id: thread } = await client.threads.create();
    const asked = await client.runs.wait(thread, "ask", { input: { question: "ok?" } });
    assert.deepEqual(asked.__interrupt__[0].value, { question: "ok?" });
    const waiting = await client.threads.get(thread);
    assert.equal(waiting.status, "interrupted");
    assert.equal(Object.values(waiting.interrupts)[0][0].id, asked.__interrupt__[0].id);
    const command = { resume: "yes" };
    const parts = await all(client.runs.stream(thread, "ask", { command, streamMode: ["values", "updates"] }));
    assert.deepEqual(datas(parts, "values").at(-1), { question: "ok?", answer: "yes" });
    assert.equal((await client.threads.get(thread)).status, "idle");
    const slow = await client.runs.create(thread, "steps", { input: { tag: "c", wait: 60 } });
    await assert.rejects(
      client.runs.create(thread, "steps", { input: {}, multitaskStrategy: "reject" }),
      /409/,
    );
    await client.runs.cancel(thread, slow.run_id, true);
    assert.equal((await client.runs.get(thread, slow.run_id)).status, "interrupted");
  },

  async assistants() {
    const made = await client.assistants.create({ graphId: "tone", name: "grim", context: { tone: "grim" } });
    assert.equal((await client.runs.wait(null, made.assistant_id, { input: {} })).heard, "grim");
    const newer = await client.assistants.update(made.assistant_id, { context: { tone: "mild" } });
    assert.equal(newer.version, 2);
    assert.equal((await client.runs.wait(null, made.assistant_id, { input: {} })).heard, "mild");
    await client.assistants.setLatest(made.assistant_id, 1);
    const versions = await client.assistants.getVersions(made.assistant_id);
    assert.deepEqual(versions.map((one) => one.version), [2, 1]);
    assert.equal((await client.runs.wait(null, made.assistant_id, { input: {} })).heard, "grim");
    const [found] = await client.assistants.search({ graphId: "tone", name: "GRIM" });
    assert.equal(found.assistant_id, made.assistant_id);
    await client.assistants.delete(made.assistant_id);
    await assert.rejects(client.assistants.get(made.assistant_id), /404/);
  },

  async crons() {
    const made = await client.crons.create("steps", { schedule: "0 0 1 1 *", input: { tag: "n" }, metadata: { of: "js" } });
    const [found] = await client.crons.search({ assistantId: made.assistant_id });
    assert.equal(found.cron_id, made.cron_id);
    const later = await client.crons.update(made.cron_id, { schedule: "0 0 2 1 *", enabled: false });
    assert.deepEqual([later.schedule, later.enabled], ["0 0 2 1 *", false]);
    assert.equal(await client.crons.count({ assistantId: made.assistant_id }), 1);
    await client.crons.delete(made.cron_id);
    assert.equal(await client.crons.count({ assistantId: made.assistant_id }), 0);
  },

  async store() {
    await client.store.putItem(["js", "items"], "one", { value: 1 });
    assert.deepEqual((await client.store.getItem(["js", "items"], "one")).value, { value: 1 });
    assert.equal((await client.store.searchItems(["js"])).items.length, 1);
    assert.deepEqual((await client.store.listNamespaces({ prefix: ["js"] })).namespaces, [["js", "items"]]);
    await client.store.deleteItem(["js", "items"], "one");
    assert.equal(await client.store.getItem(["js", "items"], "one"), null);
  },

  async remote_graph() {
    const remote = new RemoteGraph({ graphId: "steps", url: apiUrl });
    assert.deepEqual((await remote.invoke({ tag: "r" })).log, ["a:r", "b:r", "c:r"]);
    const { thread_id } = await client.threads.create();
    const config = { configurable: { thread_id } };
    const chunks = await all(await remote.stream({ tag: "s" }, { ...config, streamMode: "updates" }));
    assert.deepEqual(chunks.map((chunk) => Object.keys(chunk)[0]), ["a", "b", "c"]);
    const state = await remote.getState(config);
    assert.deepEqual([state.values.tag, state.next], ["s", []]);
    assert.equal((await all(remote.getStateHistory(config))).length, 5);
    const drawn = await remote.getGraphAsync();
    assert.deepEqual(Object.keys(drawn.nodes).sort(), ["__end__", "__start__", "a", "b", "c"]);
  },
};

await scenarios[name]();
tell("done");
process.exit(0);
