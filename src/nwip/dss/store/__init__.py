"""What a DSS keeps of its directory beyond its own life, behind one interface."""
