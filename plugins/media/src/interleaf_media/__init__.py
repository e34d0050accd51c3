"""Pictures in and out, and fidelity measures."""
