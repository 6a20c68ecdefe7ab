"""Which of the pairs that could be shown are: the options of `select=`."""
