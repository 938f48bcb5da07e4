"""Cash flow: what forecasts need, worked out every night and held against what came."""
