"""Schedules: reports that are made by themselves, once for each time they are due, and told of by an event."""
