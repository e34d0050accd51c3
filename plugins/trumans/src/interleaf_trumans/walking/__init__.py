"""Walking through a scene: clips, matching, feet, sessions."""
