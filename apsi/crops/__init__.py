"""Photos with crops that people chose or scored, and how near an answer comes to theirs."""
