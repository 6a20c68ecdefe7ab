"""What people prefer: pairs of versions of photos, people's answers, and the model of a person that is fitted on them.

A `Pair` shows two `Version`s, an original with a recipe each. `PreferenceFolder` keeps pairs and answers on disk, one a
line, appended and never rewritten. `Comparison` is what is left of an answer when everything that was undone is out.
"""
