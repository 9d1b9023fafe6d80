"""How the parts are put together: the local broker, the supervisor, files for servers."""
