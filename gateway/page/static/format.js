// Times, amounts and contents, for people.

export function duration(ms) {
  if (!Number.isFinite(ms)) return "";
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// Not by `Intl`, whose first use takes longer than all else that the first view needs.
const two = (number) => String(number).padStart(2, "0");

export function moment(iso) {
  if (!iso) return "";
  const at = new Date(iso);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? time : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

export function amount(number) {
  if (number === null || number === undefined) return "";
  if (number < 10000) return String(number).replace(/^(\d)(\d{3})$/, "$1,$2");
  return number < 1e6 ? `${(number / 1000).toFixed(number < 1e5 ? 1 : 0)} k` : `${(number / 1e6).toFixed(1)} M`;
}

export function plural(count, noun) {
  return `${amount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export function short(text, most) {
  const line = String(text).replace(/\s+/g, " ").trim();
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

// A text of an agent's in the middle of one of ours that no element can be put into, as a title: nothing in it turns the
// rest round.
export function straight(text) {
  return String(text).replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}

export function elapsed(run, now) {
  const begin = run.started_at || run.created_at;
  return (run.ended_at ? Date.parse(run.ended_at) : now) - Date.parse(begin);
}

const MEDIA = /^(image|audio|video|file|document|input_audio|input_image)/;

// The text of what a message holds: a text, or LangChain's blocks. Pictures and the like are named, and never fetched.
export function textOf(content) {
  if (content === null || content === undefined) return "";
  if (Array.isArray(content)) return content.map(textOf).join("");
  if (typeof content !== "object") return String(content);
  if (typeof content.text === "string") return content.text;
  return MEDIA.test(content.type) ? `[${content.type}]` : textOf(content.content);
}

export const STATUS = {
  pending: "pending",
  running: "running",
  awaiting_input: "awaiting input",
  success: "success",
  error: "error",
  timeout: "timeout",
  interrupted: "interrupted",
  rolled_back: "rolled back",
};

export function isEnded(status) {
  return !["pending", "running", "awaiting_input"].includes(status);
}
