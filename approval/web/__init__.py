"""What every view needs and no domain owns."""
