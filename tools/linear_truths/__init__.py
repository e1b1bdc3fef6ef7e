"""Certified laws of weighted sums, for tools/make_linear_truths.py; nothing here knows otmaps."""
