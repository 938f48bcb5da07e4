"""What people see, read as they would: a value by the words beside or above it, and by what adds up."""
