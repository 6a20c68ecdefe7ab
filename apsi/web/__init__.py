"""Pages for people: one style sheet and one base template, shared by reports, comparisons and searches.

A page is one HTML file that needs no other file, no network and no script. To make one, put a template into the folder
`templates` of a package and render it:

    from apsi.web.page import render

    write_text(path, render("apsi.evaluate", "report.html.j2", summary=summary, success_svg=success_bars(summaries)))

The template extends the base and takes its parts from `parts.html.j2`:

    {% extends "base.html.j2" %}
    {% import "parts.html.j2" as parts %}
    {% block title %}What the window shows{% endblock %}
    {% block content %}
    <header><h1>What came out, in words</h1><p class="lead">The same with figures.</p></header>
    <section><h2>Figures</h2>
    {% call parts.table("What the table shows") %}<thead>...</thead><tbody>...</tbody>{% endcall %}
    <div class="plots">{{ parts.plot(success_svg, "What to see in it") }}</div>
    </section>
    {{ parts.folded("Configuration", config) }}
    {{ parts.glossary(["success", "gain"]) }}
    {% endblock %}

Tables scroll in their own container; their first column is text, the others are numbers unless `class="text"`.
Plots come from `apsi.web.plots`: its `svg` gives colours of the style sheet that follow the reader's light or dark
setting. Filters: `percent` (0.853 is 85 %), `with_sign` (+0.120), `breakable` (long names).

The web application of `task=studio` has the same style: `server` puts rooms together, `guard` and `door` refuse who
may not come in, `shell` makes the frame of the pages and says errors as one sentence, `listening` serves until it is
told to stop. Their templates extend `shell.html.j2`; scripts and styles are files in `static`, none is inline.
"""
