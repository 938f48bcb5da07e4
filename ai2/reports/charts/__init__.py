"""Charts: what reports and forecasts show at a glance, each with its data as a table and in plain words."""
