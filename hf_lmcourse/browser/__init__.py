"""A model as one HTML page, which computes in the browser and asks no host for anything."""
