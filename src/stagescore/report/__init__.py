"""Pictures and pages for people; every figure also gives its table."""
