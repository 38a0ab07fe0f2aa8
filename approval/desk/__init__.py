"""Pages, API and services that touch several domains at once; no tables of its own."""
