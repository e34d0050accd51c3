"""``interleaf gemma bench``: decoding and reading beside others, and what the memory would allow."""
