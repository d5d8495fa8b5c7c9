"""Measures what packets cost: real nodes under load, beside a relay that does nothing but relay."""
