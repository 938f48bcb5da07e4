"""What a report says of itself: how fresh, how complete and how well proven the books behind it are."""
