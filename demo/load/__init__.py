"""The users of the demo: their own process, their arrivals and lengths after a public trace."""
