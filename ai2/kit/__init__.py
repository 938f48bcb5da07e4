"""What every part of the platform stands on; it imports nothing of ours."""
