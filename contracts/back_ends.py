"""Back ends of others: the entry points of installed distributions, by the scheme of their URLs.

A distribution that brings a bridge says so in its `pyproject.toml`; the name is the scheme, the value is called with
the URL and gives the back end, not yet started:

```toml
[project.entry-points."perdure.bridges"]
nats = "my_package.bridge:open_bridge"
```

They are looked for when a scheme is none of ours: to read the installed distributions takes a while.
"""

from __future__ import annotations

from typing import Any, Literal

from .errors import ConfigError, nearest
from .serialization.text import message_of
from .urls import redacted

Group = Literal["perdure.bridges", "perdure.stores", "perdure.checkpointers"]
BRIDGES: Group = "perdure.bridges"
STORES: Group = "perdure.stores"
CHECKPOINTERS: Group = "perdure.checkpointers"


def installed_schemes(group: Group) -> list[str]:
    """The schemes that installed distributions bring, sorted."""
    from importlib.metadata import entry_points

    return sorted({entry.name for entry in entry_points(group=group)})


def unknown_scheme(url: str, known: tuple[str, ...], group: Group | None) -> str | None:
    """What is wrong with the scheme of a URL; `None` for one of ours (`known`) or of an installed distribution."""
    scheme, separator, _ = url.partition("://")
    if separator and scheme in known:
        return None
    schemes = (*known, *(installed_schemes(group) if group else ()))
    if separator and scheme in schemes:
        return None
    allowed = ", ".join(f"{name}://" for name in schemes)
    more = f" (others come with a distribution that has an entry point in {group})" if group else ""
    return f"{redacted(url)!r} has no known scheme{nearest(scheme, schemes)}; allowed: {allowed}{more}"


def open_installed(group: Group, url: str, setting: str, kind: type[Any] | None = None, **options: Any) -> Any:
    """The back end of an installed distribution at this URL, not yet started; `None` if none has the scheme.

    `kind`: what it has to be. Raises `ConfigError` for one that cannot be loaded or made, or is something else.
    """
    from importlib.metadata import entry_points

    scheme, separator, _ = url.partition("://")
    found = list(entry_points(group=group, name=scheme)) if separator else []
    if not found:
        return None
    whose = f" of {found[0].dist.name}" if found[0].dist else ""
    where = f"{setting}: {redacted(url)!r} is opened by {found[0].value}{whose}"
    try:
        made = found[0].load()(url, **options)
    except ConfigError:
        raise
    except Exception as exc:
        raise ConfigError(f"{where}, which raised {type(exc).__name__}: {message_of(exc)}") from exc
    if kind is not None and not isinstance(made, kind):
        raise ConfigError(f"{where}, which gave a {type(made).__name__} and no {kind.__name__}")
    return made
