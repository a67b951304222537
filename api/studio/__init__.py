"""Serving the graphs with LangGraph's own server: for LangGraph Studio, the local page, and whoever speaks its API."""
