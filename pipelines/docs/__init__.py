"""Documentation of the models, written by dbt for operators."""
