"""Speed and memory, measured beside what a user would write with public libraries."""
