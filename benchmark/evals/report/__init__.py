"""The report of one or more runs: figures with intervals, said in words; Markdown, JSON, and one HTML page."""
