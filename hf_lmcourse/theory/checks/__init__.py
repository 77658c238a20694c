"""One check per derivation, against autograd, a simulation or a corpus."""
