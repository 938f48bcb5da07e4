"""What is unlike the rest of the books, judged each night."""
