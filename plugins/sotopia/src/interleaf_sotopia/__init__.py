"""Social agents that learn from their own conversations, and a judge that is itself judged."""
