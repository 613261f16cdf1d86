"""Seal camera frames so that the sealing depends on the picture, the capture and the device."""
