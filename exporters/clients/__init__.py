"""What calls to other services came to, seen by the caller across all attempts."""
