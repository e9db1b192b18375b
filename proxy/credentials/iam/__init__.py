"""Logins with IAM tokens.

* What a token is: `presigned` (the URL), `signature` (that of AWS's SDKs), `sts` (a question to
  STS); `hosts`, for which it is made.
* Whether it is good: `verify`, and `reloading` when files change.  `keys` or `identity` (STS)
  say who signed, `policy` and `document` what that one may, `arn` how both are called, and
  `used_tokens` where it was seen before.
* Tokens of our own: `token`.
"""
