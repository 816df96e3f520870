"""Where an index is kept: in a file of this machine, or in an engine that several share."""
