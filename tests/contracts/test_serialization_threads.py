"""A value that a thread of the graph changes while it is encoded costs nobody the process."""

from __future__ import annotations

import json
import subprocess
import sys

# orjson alone, given such a value, ends the process with SIGSEGV within this time.
_PROGRAM = """
import json, sys, threading, time
from langchain_core.messages import HumanMessage
from perdure.contracts.serialization import to_json

sys.setswitchinterval(1e-6)
state = {"messages": [HumanMessage(str(number)) for number in range(40)], "fields": {}, "log": []}
over = threading.Event()

def change():
    spare = [HumanMessage("spare", additional_kwargs={"n": number}) for number in range(40)]
    while not over.is_set():
        state["messages"].clear()
        state["messages"].extend(spare)
        state["fields"].clear()
        state["fields"].update({str(number): spare[number] for number in range(20)})
        spare[0].additional_kwargs.update({str(number): number for number in range(9)})
        spare[0].additional_kwargs.clear()
        state["log"].append({1})
        del state["log"][20:]

threading.Thread(target=change).start()
end, encoded = time.monotonic() + 1.0, 0
while time.monotonic() < end:
    assert "messages" in json.loads(to_json(state))
    encoded += 1
over.set()
print(json.dumps(encoded))
"""


def test_another_thread_may_change_what_is_encoded() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr[-2_000:]
    assert json.loads(done.stdout) > 0


def test_the_code_of_a_value_may_change_what_is_encoded() -> None:
    program = """
import dataclasses
from pydantic import BaseModel
from perdure.contracts.serialization import to_json

class Clearing(BaseModel):
    def model_dump(self, **_):
        items.clear()
        return {"cleared": True}

@dataclasses.dataclass(slots=True)
class Unset:
    field: int

items = [Clearing(), *map(str, range(1_000)), object.__new__(Unset)]
print(to_json(items)[:18].decode())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, '[{"cleared":true},'), done.stderr[-2_000:]
