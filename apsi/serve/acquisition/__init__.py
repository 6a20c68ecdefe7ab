"""The acquisition service: gets photos for several machines, one job a data set."""
