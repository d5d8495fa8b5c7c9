"""Attachments of a node, one file or package each, all behind `links.base`."""
