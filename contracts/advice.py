"""What to do, in words that several errors share."""

STORED_INSTEAD = "`stored=True` (on the command line `--stored`) reads it from the checkpointer, without the graph"
SUBMIT_AGAIN = "it is safe to submit again with the same run_id"
