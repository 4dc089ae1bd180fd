// Which page is shown: by the part of the address behind the #.

import { get, onConnection, storeKey, storedKey } from "./api.js";
import { button, el, replace, setText, styles } from "./dom.js";

const PAGES = {
  runs: () => import("./runs.js"),
  run: () => styled(import("./run.js")),
  threads: () => import("./threads.js"),
  thread: () => styled(import("./thread.js")),
  chat: () => styled(import("./chat.js")),
};

async function styled(module) {
  await styles("run.css");
  return module;
}

// Milliseconds by which what can wait comes after what was asked for.
const LATER = 150;
const main = document.getElementById("main");
let shown = { leave() {} };
let turn = 0;

function place() {
  const [pathname, search] = location.hash.replace(/^#\/?/, "").split("?");
  const words = decoded(pathname);
  const query = new URLSearchParams(search || "");
  if (words[0] === "runs" && words.length === 3) return { page: "run", nav: "runs", words: words.slice(1), query };
  if (words[0] === "threads" && words[1]) return { page: "thread", nav: "threads", words: words.slice(1), query };
  if (Object.hasOwn(PAGES, words[0] || "")) return { page: words[0], nav: words[0], words: words.slice(1), query };
  return { page: "runs", nav: "runs", words: [], query };
}

function decoded(pathname) {
  try {
    return pathname.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return [];
  }
}

async function show() {
  const at = place();
  const mine = ++turn;
  shown.leave();
  shown = { leave() {} };
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === at.nav) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const module = await PAGES[at.page]();
  if (mine !== turn) return;
  replace(main);
  shown = module.show(main, at) || shown;
}

window.addEventListener("hashchange", () => {
  show().then(() => main.focus({ preventScroll: true }));
  window.scrollTo(0, 0);
});

const keyButton = document.getElementById("key");
const connection = document.getElementById("connection");
let asking = null;

onConnection((state) => {
  connection.dataset.state = state;
  setText(connection, state === "away" ? "no connection, trying again" : "");
  if (state === "key") askKey();
});

function askKey() {
  keyButton.hidden = false;
  if (asking) return;
  const input = el("input", { type: "password", id: "key-input", autocomplete: "off", required: true });
  const wrong = storedKey() ? el("p", { class: "bad" }, "The key that was entered is not let in.") : null;
  asking = el("dialog", { class: "dialog", "aria-labelledby": "key-title" },
    el("form", { method: "dialog", onsubmit: () => enter(input.value.trim()) },
      el("h2", { id: "key-title" }, "Who are you?"),
      el("p", {}, "This gateway asks for an API key, or for a token. It is kept in this tab until it is closed."),
      wrong,
      el("label", { for: "key-input" }, "API key"), input,
      el("div", { class: "buttons" }, el("button", { class: "primary" }, "Enter"))));
  asking.addEventListener("close", () => {
    asking.remove();
    asking = null;
  });
  document.body.append(asking);
  asking.showModal();
}

function enter(key) {
  storeKey(key);
  begin();
}

keyButton.addEventListener("click", () => {
  storeKey("");
  askKey();
});
if (storedKey()) keyButton.hidden = false;

// What is served, and where Temporal's UI is. Who may not see it does without.
export let about = Promise.resolve({});

export function confirmed(title, text, label) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "dialog", "aria-labelledby": "confirm-title" },
      el("h2", { id: "confirm-title" }, title), el("p", {}, text),
      el("div", { class: "buttons" },
        button("Keep as it is", () => dialog.close(""), { class: "quiet" }),
        button(label, () => dialog.close("yes"), { class: "danger" })));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function begin() {
  about = show().then(() => new Promise((resolve) => setTimeout(resolve, LATER))).then(() => get("ui/about")).catch(() => ({}));
}

begin();
