// Calls of the gateway. The key is kept for this tab alone, and never in an address.

const KEY = "perdure-api-key";

export function storedKey() {
  return sessionStorage.getItem(KEY) || "";
}

export function storeKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

// What kind of key it is the gateway sees. Who has entered a scheme before it knows what his gateway wants.
export function credentials() {
  const key = storedKey();
  if (!key) return {};
  return key.includes(" ") ? { authorization: key } : { "x-api-key": key, authorization: `Bearer ${key}` };
}

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const listeners = new Set();

// Told of each answer: "ok", "away" when nobody answers, "key" when a key is asked for.
export function onConnection(listener) {
  listeners.add(listener);
}

export function tell(state) {
  for (const listener of listeners) listener(state);
}

export function path(...parts) {
  return parts.map(encodeURIComponent).join("/");
}

// A browser takes `.` and `..` in an address for steps in it: as ids of threads they are sent with a `~` before them.
export function asSent(place) {
  return place.replace(/(^|\/)(~*\.{1,2})(?=\/|$)/g, "$1~$2");
}

export async function call(place, { method = "GET", body, signal, query } = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query || {})) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== "" && one !== undefined && one !== null) search.append(name, one);
  }
  const headers = { ...credentials(), ...(body === undefined ? {} : { "content-type": "application/json" }) };
  const address = `${asSent(place)}${search.size ? `?${search}` : ""}`;
  let answer;
  try {
    answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, cache: "no-store" });
  } catch (error) {
    if (error.name !== "AbortError") tell("away");
    throw error;
  }
  return { headers: answer.headers, body: await read(answer) };
}

async function read(answer) {
  const text = await answer.text();
  if (answer.ok) {
    tell("ok");
    return text ? JSON.parse(text) : null;
  }
  tell(answer.status === 401 ? "key" : "ok");
  throw new Refused(answer.status, detail(text) || `${answer.status} ${answer.statusText}`);
}

function detail(text) {
  try {
    const found = JSON.parse(text).detail;
    return typeof found === "string" ? found : JSON.stringify(found);
  } catch {
    return text.slice(0, 300);
  }
}

export async function get(place, query, signal) {
  return (await call(place, { query, signal })).body;
}

export async function post(place, body = {}) {
  return (await call(place, { method: "POST", body })).body;
}
