"""Click on a thing in a photo, say how it moves, and only that moves (Follow-Your-Click)."""
