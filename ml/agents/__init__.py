"""Agents: parts that each do one thing for a scope of transactions, and the orchestrator that runs them as a graph."""
