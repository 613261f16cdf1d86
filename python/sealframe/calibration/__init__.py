"""How often a matcher errs on the pictures of a site, and the thresholds that follow."""
