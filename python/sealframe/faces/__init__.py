"""Faces: detection, matchers, templates, and the one contract for plugins of an operator's own."""
