"""The local page: an HTTP app on the LangGraph server, and what starts that server without a project folder."""
