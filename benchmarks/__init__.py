"""The asv suite: what otmaps costs, beside what else one would use."""
