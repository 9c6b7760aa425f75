"""Vetting of transit signals."""
