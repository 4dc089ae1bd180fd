// A page with LangGraph's `useStream`, in jsdom, as `node page.mjs NAME URL`.
import assert from "node:assert/strict";
import { JSDOM } from "jsdom";

const [names, apiUrl] = process.argv.slice(2);
const dom = new JSDOM("<div id='root'></div>", { url: "http://localhost/", pretendToBeVisual: true });
globalThis.window = dom.window;
globalThis.document = dom.window.document;
if (!globalThis.navigator) globalThis.navigator = dom.window.navigator; // node has its own from 21 on

const { createElement, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useStream } = await import("@langchain/langgraph-sdk/react");
const { Client } = await import("@langchain/langgraph-sdk");

const WORDS = "It is sunny today.";
const client = new Client({ apiUrl });

function mounted(options) {
  const page = { shown: [] };
  function Chat() {
    page.stream = useStream({ apiUrl, assistantId: "talk", onThreadId: (id) => (page.threadId = id), ...options });
    page.messages = page.stream.messages;
    page.interrupt = page.stream.interrupt;
    page.loading = page.stream.isLoading;
    useEffect(() => {
      page.shown.push(page.messages.at(-1)?.content);
    });
    return null;
  }
  const root = createRoot(document.getElementById("root"));
  root.render(createElement(Chat));
  page.leave = () => root.unmount();
  return page;
}

async function until(what, happened) {
  const end = Date.now() + 20_000;
  while (!happened()) {
    assert.ok(Date.now() < end, `${what}: it has not happened`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const said = (content, more) => ({ messages: [{ type: "human", content }], ...more });

const scenarios = {
  async talking() {
    const page = mounted({});
    await until("the page is there", () => page.stream);
    page.stream.submit(said("weather?"));
    await until("the answer", () => !page.loading && page.messages.length === 2);
    assert.deepEqual(page.messages.map((one) => one.content), ["weather?", WORDS]);
    // The message grows from token to token.
    const parts = page.shown.filter((text) => text && text !== WORDS && WORDS.startsWith(text));
    assert.ok(parts.length > 0, JSON.stringify(page.shown));
    page.stream.submit(said("and tomorrow?"));
    await until("the second answer", () => !page.loading && page.messages.length === 4);
    assert.equal((await client.threads.getState(page.threadId)).values.messages.length, 4);
    page.leave();
  },

  async asked() {
    const page = mounted({});
    await until("the page is there", () => page.stream);
    page.stream.submit(said("may I?", { ask: true }));
    await until("the question", () => !page.loading && page.interrupt);
    assert.deepEqual(page.interrupt.value, { allow: "may I?" });
    page.stream.submit(undefined, { command: { resume: "yes" } });
    await until("the end", () => !page.loading && !page.interrupt);
    assert.deepEqual(page.messages.at(-1).content, "allowed: yes");
    page.leave();
  },

  async coming_back() {
    const options = { reconnectOnMount: true };
    const page = mounted(options);
    await until("the page is there", () => page.stream);
    page.stream.submit(said("slowly", { wait: 1.5 }), { streamResumable: true, onDisconnect: "continue" });
    await until("the first answer", () => page.messages.length === 2);
    page.leave();
    const again = mounted({ ...options, threadId: page.threadId });
    await until("the page is there again", () => again.stream);
    await until("it follows again", () => again.loading);
    await until("the end", () => !again.loading && again.messages.length === 3);
    assert.deepEqual(again.messages.map((one) => one.content), ["slowly", WORDS, "waited"]);
    again.leave();
  },

  async stopping() {
    const page = mounted({});
    await until("the page is there", () => page.stream);
    page.stream.submit(said("slowly", { wait: 60 }));
    await until("the first answer", () => page.messages.length === 2);
    await page.stream.stop();
    let status;
    await until("the run has stopped", () => {
      client.runs.list(page.threadId).then(([run]) => (status = run.status));
      return status === "interrupted";
    });
    page.leave();
  },

  async editing() {
    const page = mounted({ fetchStateHistory: true });
    await until("the page is there", () => page.stream);
    page.stream.submit(said("one"));
    await until("the answer", () => !page.loading && page.messages.length === 2);
    const before = page.stream.getMessagesMetadata(page.messages[0]).firstSeenState.parent_checkpoint;
    page.stream.submit(said("other"), { checkpoint: before });
    await until("the other answer", () => !page.loading && page.messages[0]?.content === "other" && page.messages.length === 2);
    page.leave();
  },
};

for (const name of names.split(",")) {
  console.error(name);
  await scenarios[name]();
}
console.log(JSON.stringify("done"));
process.exit(0);
