"""What the pages of the desk show; the answers are frozen facts."""
