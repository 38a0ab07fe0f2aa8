"""When and how it is said: the schedule, the attempts, their receipts, and the stops."""
