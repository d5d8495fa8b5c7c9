"""What nwip's code says of itself, for man pages, shells and the docs: from click and the example file."""
