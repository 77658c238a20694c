"""Assignments for students: kits made of a specification and marked solutions."""
