"""From YAML text to results: document → params → plan → keys → store → runner → manifest."""
