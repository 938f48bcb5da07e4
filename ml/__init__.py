"""What the platform learns and predicts; `registry` alone speaks MLflow."""
