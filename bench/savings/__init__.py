"""What it saves the database that many clients share few connections."""
