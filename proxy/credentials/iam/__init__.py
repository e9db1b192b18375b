"""Logins with IAM tokens: how tokens are made, read and verified, and whom policies allow."""
