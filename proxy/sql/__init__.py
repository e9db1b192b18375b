"""SQL text: what a statement may do to a session beyond what the server reports of it."""
