// A chat with a graph that `perdure dev` serves: tokens as they come, questions of the graph, and, after a reload of the
// page, the run that is under way. `?api=` is the address of the API, `?graph=` the name of the graph.
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { useStream } from "@langchain/langgraph-sdk/react";

const query = new URLSearchParams(window.location.search);
const apiUrl = query.get("api") ?? "http://127.0.0.1:2024";
const assistantId = query.get("graph") ?? "agent";

function Chat() {
  const [threadId, setThreadId] = useState(query.get("thread"));
  const [text, setText] = useState("");

  function remember(id) {
    setThreadId(id);
    query.set("thread", id);
    window.history.replaceState(null, "", `?${query}`);
  }

  const stream = useStream({ apiUrl, assistantId, threadId, onThreadId: remember, reconnectOnMount: true });

  function send(event) {
    event.preventDefault();
    const options = { streamResumable: true, onDisconnect: "continue" };
    if (stream.interrupt) stream.submit(undefined, { ...options, command: { resume: text } });
    else stream.submit({ messages: [{ type: "human", content: text }] }, options);
    setText("");
  }

  return (
    <form onSubmit={send}>
      {stream.messages.map((message, place) => (
        <p key={message.id ?? place} className={message.type}>
          {typeof message.content === "string" ? message.content : JSON.stringify(message.content)}
        </p>
      ))}
      {stream.interrupt && <p className="question">{JSON.stringify(stream.interrupt.value)}</p>}
      {stream.error && <p role="alert">{String(stream.error)}</p>}
      <input value={text} onChange={(event) => setText(event.target.value)} placeholder={stream.interrupt ? "Your answer" : "Your message"} />
      <button disabled={stream.isLoading}>Send</button>
      {stream.isLoading && <button type="button" onClick={() => stream.stop()}>Stop</button>}
    </form>
  );
}

createRoot(document.getElementById("root")).render(<Chat />);
