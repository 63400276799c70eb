"""What happens while the function's environment starts."""
