"""The LLM: asked last, if at all, of a masked merchant text; its answer is checked, kept, and left to a person."""
