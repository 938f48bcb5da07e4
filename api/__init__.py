"""The REST API: FastAPI and nothing else. Routes, what goes over the wire, and who may call."""
