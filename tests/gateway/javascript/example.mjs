// The page of examples/chat, bundled as its `npm start` does it and used in jsdom, as `node example.mjs NAME URL`.
import assert from "node:assert/strict";
import { build } from "esbuild";
import { JSDOM } from "jsdom";

const [, apiUrl] = process.argv.slice(2);
const bundle = await build({ entryPoints: ["chat.jsx"], bundle: true, jsx: "automatic", write: false, logLevel: "error" });
const code = bundle.outputFiles[0].text;

function opened(search) {
  const url = `http://localhost/${search}`;
  const dom = new JSDOM("<main id='root'></main>", { url, runScripts: "outside-only", pretendToBeVisual: true });
  const browsers = { fetch, Headers, Request, Response, ReadableStream, TransformStream, TextDecoderStream, TextDecoder, TextEncoder };
  Object.assign(dom.window, browsers, { AbortController, AbortSignal, structuredClone });
  dom.window.eval(code);
  return dom.window;
}

async function until(what, happened) {
  const end = Date.now() + 20_000;
  while (!happened()) {
    assert.ok(Date.now() < end, `${what}: it has not happened`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const lines = (page) => [...page.document.querySelectorAll("p")].map((line) => line.textContent);
const idle = (page) => !page.document.querySelector("button[type=button]");

function say(page, text) {
  const field = page.document.querySelector("input");
  Object.getOwnPropertyDescriptor(page.HTMLInputElement.prototype, "value").set.call(field, text);
  field.dispatchEvent(new page.Event("input", { bubbles: true }));
  page.document.querySelector("form").dispatchEvent(new page.Event("submit", { bubbles: true, cancelable: true }));
}

const page = opened(`?graph=talk&api=${encodeURIComponent(apiUrl)}`);
await until("the page is there", () => page.document.querySelector("input"));
say(page, "weather?");
await until("the answer", () => idle(page) && lines(page).includes("It is sunny today."));
assert.deepEqual(lines(page), ["weather?", "It is sunny today."]);

const again = opened(page.location.search);
await until("what was said before", () => lines(again).length === 2);
say(again, "and tomorrow?");
await until("the second answer", () => idle(again) && lines(again).length === 4);
console.log(JSON.stringify("done"));
process.exit(0);
