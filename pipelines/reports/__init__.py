"""Reports: those that are made by themselves, when they are due."""
