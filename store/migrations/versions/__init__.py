"""One module a revision, only ever added to. `schema.REVISION` names the newest."""
