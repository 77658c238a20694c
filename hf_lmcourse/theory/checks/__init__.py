"""One check for each derivation: its numbers beside autograd's, a simulation's or a corpus's."""
