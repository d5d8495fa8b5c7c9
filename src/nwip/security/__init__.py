"""Cookies, limits and who may take part."""
