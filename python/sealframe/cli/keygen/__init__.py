"""`sealframe keygen server|device|shared`: key files that belong together, all of them or none."""

EXAMPLE = "sealframe keygen server --out server && sealframe keygen device --device-info POS-0001 --out pos"
