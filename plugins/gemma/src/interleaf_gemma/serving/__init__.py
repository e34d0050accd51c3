"""An OpenAI-compatible server for a Gemma: many requests at once, one batch (extra ``[serve]``)."""
