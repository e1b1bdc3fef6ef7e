"""Laws of operations of latents, computed in balls without otmaps (make_operation_truths.py)."""
