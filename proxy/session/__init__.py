"""What a client believes its connection to be, as values: state, pins, prepared statements."""
