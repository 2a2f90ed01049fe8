"""Training of the small weights that the repository carries; needs the extra ``hub``, and the checkout."""
