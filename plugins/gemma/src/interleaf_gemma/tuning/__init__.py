"""After pre-training: supervised fine-tuning, full or LoRA; a reward from preferences; policy gradient."""
