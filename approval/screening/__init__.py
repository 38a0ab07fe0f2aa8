"""The firm's rule sets: versions, findings, what was accepted by name, and why."""
