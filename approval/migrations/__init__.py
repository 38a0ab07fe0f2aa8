"""How the tables came to be. Migrations go forward; backups go back."""
