"""What we can show, keep, hold and erase."""
