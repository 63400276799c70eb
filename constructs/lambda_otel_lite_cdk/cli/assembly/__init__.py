"""What a cloud assembly holds, and how one is made."""
