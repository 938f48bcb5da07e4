"""Custom reports: entries by up to three dimensions, several measures of them, filtered and compared."""
