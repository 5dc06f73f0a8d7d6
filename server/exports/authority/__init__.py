"""What an authority takes: a whole case as one bundle, its custody report, CASE/UCO, preservation requests."""
