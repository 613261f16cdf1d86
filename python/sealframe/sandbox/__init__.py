"""A bank for trying things: real server, drawn faces, invented money; all of it TEST."""
