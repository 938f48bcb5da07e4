"""Own categories: what the organization taught of merchants alike, and what its own history says."""

from ml.own.service import decide

__all__ = ["decide"]
