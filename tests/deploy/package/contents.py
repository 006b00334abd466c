"""What only the HTTP entrypoint needs, by the names it is imported by."""

HTTP_ONLY = frozenset(
    """blinker click cloudevents deprecation flask functions_framework gunicorn h11 itsdangerous
    jinja2 markupsafe starlette uvicorn uvicorn_worker waitress watchdog werkzeug""".split()
)
