"""The evaluation harness: data sets, systems, judging, measures, statistics, reports."""
