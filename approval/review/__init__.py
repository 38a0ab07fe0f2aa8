"""Who must agree, and who did; separation of duties."""
