"""What an act would change in the reports: it is done, the reports are made, and it is taken back."""
