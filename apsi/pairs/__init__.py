"""What pairs are made of: the options of `pairs=`."""
