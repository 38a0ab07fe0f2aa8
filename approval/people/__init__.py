"""Accounts, workspaces, teams, roles, channels, and who must be told or asked."""
