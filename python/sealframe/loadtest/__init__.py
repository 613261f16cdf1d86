"""`sealframe loadtest`: how fast a server is, measured against itself on this machine.

plan         what is done
site         keys, accounts, devices in a database of their own
corpus       envelopes sealed before they are sent
processes    servers on this machine
clients      who send, and what they saw
commit       the settle path alone, one payment a commit or many
scenarios    what is compared with what
measurement  all of it, and the goals
picture      the curves
"""
