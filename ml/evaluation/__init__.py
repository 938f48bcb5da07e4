"""Measuring any labelled file: an own model on three splits, and what is known before there is a history."""
