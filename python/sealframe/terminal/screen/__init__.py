"""The terminal's screens: the page in the browser, the text screen, their words."""
