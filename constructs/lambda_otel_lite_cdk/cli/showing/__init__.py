"""What the commands that show traces share: options, and the way from a source to an output."""
