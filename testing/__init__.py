"""For the tests of your own graphs: a server, a worker and a facade in one block, and a chat model with a script.

`perdure.testing.fixtures` has the same for pytest; nothing else here needs it.
"""

from .chat_model import Asked, ScriptedChatModel, ScriptEndedError, tool_call
from .environment import Environment, environment, server

__all__ = [
    "Asked",
    "Environment",
    "ScriptEndedError",
    "ScriptedChatModel",
    "environment",
    "server",
    "tool_call",
]
