"""The edge: what every request meets before and after its route."""
