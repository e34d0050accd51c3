"""The plugin ``core``: schedules, and gathering reports into a table."""
