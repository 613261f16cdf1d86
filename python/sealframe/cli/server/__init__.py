"""`sealframe server`: a payment server's keys, its database, and serving."""

EXAMPLE = "sealframe server init --home bank && sealframe server run --home bank"
