"""Deciders: who may say what a movement of money is, a file each; `chain` asks them in their order."""
