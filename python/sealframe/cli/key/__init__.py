"""`sealframe key`: what key files hold."""

EXAMPLE = "sealframe key show pos.key --json"
