// A page with `@langchain/react`, in jsdom, as `node react.mjs NAME,NAME URL`. It speaks the thread protocol.
import assert from "node:assert/strict";
import { JSDOM } from "jsdom";

const [names, apiUrl] = process.argv.slice(2);
const dom = new JSDOM("<div id='root'></div>", { url: "http://localhost/", pretendToBeVisual: true });
globalThis.window = dom.window;
globalThis.document = dom.window.document;
globalThis.WebSocket ??= dom.window.WebSocket; // node has its own from 22 on
if (!globalThis.navigator) globalThis.navigator = dom.window.navigator; // node has its own from 21 on

const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useStream } = await import("@langchain/react");
const { Client } = await import("@langchain/langgraph-sdk");

const WORDS = "It is sunny today.";
const client = new Client({ apiUrl });
const tell = (what) => console.log(JSON.stringify(what));

function mounted(options) {
  const page = { shown: [], loads: [] };
  function Chat() {
    const { assistantId = "talk", ...more } = options;
    page.stream = useStream({ apiUrl, assistantId, onThreadId: (id) => (page.threadId = id), ...more });
    page.texts = page.stream.messages.map((one) => one.text);
    page.shown.push(page.texts.at(-1));
    page.loads.push(page.stream.isLoading);
    return null;
  }
  const root = createRoot(document.getElementById("root"));
  describe = () => JSON.stringify([page.texts, page.stream?.isLoading, String(page.stream?.error), page.stream?.threadId]);
  root.render(createElement(Chat));
  page.leave = () => root.unmount();
  return page;
}

let describe;
async function until(what, happened) {
  const end = Date.now() + 30_000;
  while (!happened()) {
    assert.ok(Date.now() < end, `${what}: it has not happened ${describe?.()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const said = (content, more) => ({ messages: [{ type: "human", content }], ...more });
const rests = (page) => !page.stream.isLoading && page.stream.error === undefined;

const scenarios = {
  async talking(options = {}) {
    const page = mounted(options);
    await until("the page is there", () => page.stream);
    page.stream.submit(said("weather?"));
    await until("the answer", () => rests(page) && page.texts.length === 2);
    assert.deepEqual(page.texts, ["weather?", WORDS]);
    page.stream.submit(said("and tomorrow?"));
    await until("the second answer", () => rests(page) && page.texts.length === 4);
    assert.equal((await client.threads.getState(page.threadId)).values.messages.length, 4);
    page.leave();
    // Whoever comes later sees the same.
    const again = mounted({ ...options, threadId: page.threadId });
    await until("all of it", () => again.stream && rests(again) && again.texts?.length === 4);
    assert.deepEqual(again.texts, page.texts);
    again.leave();
  },

  async on_a_socket() {
    await scenarios.talking({ transport: "websocket" });
  },

  async tools() {
    const page = mounted({ assistantId: "agent" });
    await until("the page is there", () => page.stream);
    page.stream.submit(said("Paris"));
    const whole = "It is sunny in Paris.";
    await until("the answer", () => rests(page) && page.texts.at(-1) === whole);
    // The message grows from token to token.
    const parts = page.shown.filter((text) => text && text !== whole && whole.startsWith(text));
    assert.ok(parts.length > 1, JSON.stringify(page.shown));
    const [call] = page.stream.toolCalls;
    assert.deepEqual([call.name, call.status], ["weather", "finished"]);
    page.leave();
  },

  async asked() {
    const page = mounted({});
    await until("the page is there", () => page.stream);
    page.stream.submit(said("may I?", { ask: true }));
    await until("the question", () => rests(page) && page.stream.interrupt);
    assert.deepEqual(page.stream.interrupt.value, { allow: "may I?" });
    await page.stream.respond("yes");
    await until("the end", () => rests(page) && page.texts.at(-1) === "allowed: yes");
    assert.equal(page.stream.interrupt, undefined);
    page.leave();
  },

  async asked_twice() {
    const page = mounted({ assistantId: "two" });
    await until("the page is there", () => page.stream);
    page.stream.submit({});
    await until("both questions", () => rests(page) && page.stream.interrupts.length === 2);
    await page.stream.respondAll(Object.fromEntries(page.stream.interrupts.map((one) => [one.id, one.value.of])));
    await until("the end", () => rests(page) && page.stream.values.answers?.length === 2);
    assert.deepEqual([...page.stream.values.answers].sort(), ["left", "right"]);
    page.leave();
  },

  async failing() {
    const page = mounted({ assistantId: "fails" });
    await until("the page is there", () => page.stream);
    page.stream.submit({});
    await until("the error", () => page.stream.error);
    assert.match(String(page.stream.error), /boom/);
    page.leave();
  },

  async stopping() {
    const page = mounted({});
    await until("the page is there", () => page.stream);
    page.stream.submit(said("slowly", { wait: 60 }));
    await until("the first answer", () => page.texts.length === 2);
    await page.stream.stop();
    let status;
    await until("the run has stopped", () => {
      client.runs.list(page.threadId).then(([run]) => (status = run.status));
      return status === "interrupted" && !page.stream.isLoading;
    });
    page.leave();
  },

  // Without React: the client's own threads.
  async client() {
    for (const transport of ["sse", "websocket"]) {
      const thread = client.threads.stream(crypto.randomUUID(), { assistantId: "agent", transport });
      const all = async (parts, shown) => {
        const found = [];
        for await (const part of parts) found.push(await shown(part));
        return found;
      };
      await thread.run.start({ input: said("Paris") });
      const [texts, calls] = await Promise.all([
        all(thread.messages, (message) => message.text),
        all(thread.toolCalls, (call) => call.name),
      ]);
      assert.deepEqual([texts.at(-1), ...new Set(calls)], ["It is sunny in Paris.", "weather"]); // begun, and ended
      assert.equal((await thread.output).messages.length, 4);
      await thread.close();
      const asking = client.threads.stream(crypto.randomUUID(), { assistantId: "ask", transport });
      await asking.run.start({ input: { question: "q" } });
      await until("the question", () => asking.interrupts.length === 1 && asking.interrupted);
      const [{ interruptId, payload, namespace }] = asking.interrupts;
      assert.deepEqual(payload, { question: "q" });
      await asking.input.respond({ namespace, interrupt_id: interruptId, response: 5 });
      let state;
      await until("the answer", () => {
        client.threads.getState(asking.threadId).then((found) => (state = found));
        return state?.values.answer === 5;
      });
      await asking.close();
    }
  },

  // What happens to the servers meanwhile is done by the test, when it is told to.
  async through_it_all() {
    const page = mounted({});
    await until("the page is there", () => page.stream);
    page.stream.submit(said("slowly", { wait: 2 }));
    await until("the first answer", () => page.texts.length === 2);
    tell("kill");
    await until("the end", () => rests(page) && page.texts.length === 3);
    assert.deepEqual(page.texts, ["slowly", WORDS, "waited"]);
    page.stream.submit(said("again", { wait: 0 }));
    await until("the next one", () => rests(page) && page.texts.length === 5);
    page.leave();
  },
};

for (const name of names.split(",")) await scenarios[name]();
tell("done");
process.exit(0);
