"""Tax: what is deductible and by which rule. Rules are data, each with its law, its source and its dates."""
