// What the list of runs asks its gateway for; the first time before the rest of the page is here.

import { get } from "./api.js";

const PAGE = 50;
const MEMBERS = { open: ["pending", "running", "awaiting_input"], attention: ["awaiting_input", "error", "timeout", "interrupted"] };
const FILTERS = ["status", "graph", "thread", "since"];

// What is chosen by the part of an address behind its `?`.
export function chosenBy(query) {
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) || ""]));
}

function asked({ status, graph, thread, since }, before) {
  const from = since && new Date(Date.now() - since * 1000).toISOString();
  return get("ui/runs", { status: MEMBERS[status] || status, graph, thread, since: from, before, limit: PAGE });
}

let ahead = null;
const opened = location.hash.match(/^(?:#\/?)?(?:\?(.*))?$/);
if (opened) {
  const query = new URLSearchParams(opened[1] || "");
  const chosen = chosenBy(query);
  const before = query.get("before") || "";
  // What went wrong is told to who asks again.
  ahead = { key: JSON.stringify([chosen, before]), page: asked(chosen, before).catch(() => null) };
}

export async function listed(chosen, before) {
  const early = ahead && ahead.key === JSON.stringify([chosen, before]) ? ahead.page : null;
  ahead = null;
  return (await early) || asked(chosen, before);
}
