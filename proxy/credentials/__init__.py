"""Who may log in, and with which passwords or tokens.

`source` says what a source of credentials is, and `directory` looks users up in all of them.

* In the configuration: `static`.  In a file that is read again: `users_file`; `reading` does
  that in threads.
* In AWS Secrets Manager: `secrets_source` over many `cached` secrets, whose `versions` are read
  by `secrets_manager`; `secret_value` is what one says, and `gate` keeps logins from reading
  them too often.
* AWS itself: `aws` (sessions and clients), `aws_errors` (in our words), `aws_threads`.
* `iam`: tokens in the place of passwords.
* `rsa`: the key with which clients hide a password where others read along.
"""
