"""What is around each attempt at an activity: fence, heartbeat, span, log, and how its errors cross Temporal."""
