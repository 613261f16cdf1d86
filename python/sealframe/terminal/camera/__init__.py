"""The terminal's camera: where frames come from, whether one is good enough, its JPEG."""
