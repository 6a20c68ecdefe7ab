"""Where the steps' work on single photos is done: in this process, or spread by Ray."""
