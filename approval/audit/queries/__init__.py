"""Questions to the log: is it whole, does it explain the tables, what does it say."""
