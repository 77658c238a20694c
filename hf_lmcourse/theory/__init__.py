"""The derivations of the course as code: closed forms by hand, each with a check that runs."""
