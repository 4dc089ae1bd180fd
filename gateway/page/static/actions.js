// What can be done with a run.

import { path, post } from "./api.js";
import { confirmed } from "./app.js";
import { announce, button, el, isBusy, replace, setBusy } from "./dom.js";
import { isEnded } from "./format.js";

export function actionsFor(run, onchange) {
  const place = `ui/threads/${path(run.thread_id)}/runs/${path(run.run_id)}`;
  const problem = el("span", { class: "bad", role: "alert" });
  const doing = el("span", { class: "dim", role: "status" });
  const act = (name, body, said, question) => async (event) => {
    const pressed = event.currentTarget;
    if (isBusy(pressed)) return;
    if (question && !(await confirmed(question[0], question[1], question[2]))) return;
    setBusy(pressed, true);
    replace(problem);
    replace(doing, "Asking for it …");
    try {
      const made = await post(`${place}/${name}`, body);
      announce(said);
      if (made?.run_id && made.run_id !== run.run_id) location.hash = `#/runs/${path(made.thread_id, made.run_id)}`;
      else onchange();
    } catch (error) {
      replace(problem, error.message);
    }
    replace(doing);
    setBusy(pressed, false);
  };
  const rollback = ["Roll the run back?", "It is stopped at once, and its thread becomes as it was before the run. What the run has done is gone.", "Roll back"];
  if (isEnded(run.status)) {
    const retry = run.status === "success" ? null : button("Retry", act("retry", {}, "A new run was submitted."), { title: "A new run with the same input, from where the thread stands now" });
    const goOn = run.can_go_on && !run.answerable && button("Go on", act("continue", {}, "A new run goes on with it."), { class: "primary", title: "A new run from where this one has stopped: what it has finished does not run again" });
    return [goOn, retry, doing, problem];
  }
  return [
    button("Interrupt", act("interrupt", {}, "It stops at the next step."), { title: "Stops after the step that is under way, and keeps everything" }),
    button("Cancel", act("cancel", { action: "interrupt" }, "It is being stopped.", ["Cancel the run?", "It is stopped at once. What its finished steps have done stays in the thread.", "Cancel the run"]), { title: "Stops at once, and keeps what finished steps have done" }),
    button("Roll back", act("cancel", { action: "rollback" }, "It is being rolled back.", rollback), { class: "danger", title: "Stops at once, and gives the thread back as it was before" }),
    doing,
    problem,
  ];
}
