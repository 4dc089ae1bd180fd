// Server-sent events by fetch, which can send a key. A stream that breaks is joined again after its last event.

import { Refused, asSent, credentials, tell } from "./api.js";

const PAUSE = 1000;

export async function follow(place, { signal, onevent, onid, last = null }) {
  while (!signal.aborted) {
    try {
      const headers = { ...credentials(), accept: "text/event-stream", ...(last === null ? {} : { "last-event-id": last }) };
      const answer = await fetch(asSent(place), { headers, signal, cache: "no-store" });
      if (!answer.ok) {
        if (answer.status < 500 && answer.status !== 429) throw new Refused(answer.status, await answer.text());
      } else {
        tell("ok");
        await parse(answer.body, (event) => {
          if (event.id !== null) onid?.((last = event.id));
          onevent(event);
        });
        return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof Refused) return;
      tell("away");
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

async function parse(body, onevent) {
  const reader = body.getReader();
  const decoder = new TextDecoder();  // as a stream of its own it would read ahead, piece by piece
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r\n\r\n|\n\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const event = read(block);
      if (event) onevent(event);
    }
  }
}

function read(block) {
  const event = { event: "message", data: "", id: null };
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at <= 0) continue;
    const value = line.slice(at + 1).replace(/^ /, "");
    const field = line.slice(0, at);
    if (field === "data") event.data += value;
    else if (Object.hasOwn(event, field)) event[field] = value;
  }
  if (!event.data) return null;
  event.data = JSON.parse(event.data);
  return event;
}
