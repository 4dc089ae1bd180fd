// What pages and agents do by their own protocols, each as `node agents.mjs NAME URL`.
// It tells what it has come to as lines of JSON, and fails by an exception.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { HttpAgent } from "@ag-ui/client";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [names, apiUrl] = process.argv.slice(2);
const WORDS = "It is sunny today.";
const tell = (told) => console.log(JSON.stringify(told));
const user = (content) => ({ id: randomUUID(), role: "user", content });

const scenarios = {
  async ag_ui() {
    const agent = new HttpAgent({ url: `${apiUrl}/ag-ui/talk`, initialMessages: [user("weather?")] });
    const steps = [];
    await agent.runAgent({}, { onStepStartedEvent: ({ event }) => void steps.push(event.stepName) });
    assert.deepEqual(steps, ["answer", "pause", "approve"]);
    assert.deepEqual(agent.messages.map((one) => [one.role, one.content]), [["user", "weather?"], ["assistant", WORDS]]);

    agent.addMessage(user("and now?"));
    agent.setState({ ...agent.state, ask: true });
    let outcome;
    const subscriber = { onRunFinishedEvent: ({ event }) => void (outcome = event.outcome) };
    await agent.runAgent({}, subscriber);
    assert.equal(outcome.type, "interrupt");
    const [asked] = outcome.interrupts;
    const resume = [{ interruptId: asked.id, status: "resolved", payload: "yes" }];
    await agent.runAgent({ resume }, subscriber);
    assert.equal(outcome.type, "success");
    assert.equal(agent.messages.at(-1).content, "allowed: yes");
    assert.equal(agent.messages.length, 5);
  },

  async ag_ui_over_a_kill() {
    // A connection that is cut off is the page's to make anew: the same run is told again.
    const body = { threadId: randomUUID(), runId: randomUUID(), messages: [user("hi")], state: { wait: 2 } };
    const post = () => fetch(`${apiUrl}/ag-ui/talk`, { method: "POST", body: JSON.stringify(body) });
    const reader = (await post()).body.getReader();
    await reader.read();
    tell("kill");
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    });
    let again;
    while (!again?.ok) again = await post().catch(() => new Promise((later) => setTimeout(later, 50)));
    const told = await again.text();
    assert.match(told, /"type":"RUN_FINISHED".*"success"/);
    assert.match(told, /waited/);
  },

  async mcp() {
    for (const mode of ["legacy", "auto"]) {
      const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
      await client.connect(new StreamableHTTPClientTransport(new URL(`${apiUrl}/mcp`)));
      const { tools } = await client.listTools();
      assert.ok(tools.some((tool) => tool.name === "steps" && tool.inputSchema.properties.tag.type === "string"));
      const progress = [];
      const onprogress = ({ message }) => void progress.push(message);
      const called = await client.callTool({ name: "steps", arguments: { tag: "j" } }, { onprogress });
      assert.deepEqual(called.structuredContent, { tag: "j", log: ["a:j", "b:j", "c:j"] });
      assert.deepEqual(progress, ["a", "b", "c"]);
      await client.close();
    }
  },
};

for (const name of names.split(",")) {
  console.error(name);
  await scenarios[name]();
}
tell("done");
