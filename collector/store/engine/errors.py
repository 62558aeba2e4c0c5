"""What goes wrong with an engine."""


class EngineError(ValueError):
    """The engine's URL is none we know, or nothing that can be used answers there.

    `url` is the one given, without its parameters: one of them may be a token.
    """

    def __init__(self, url: str, problem: str) -> None:
        """Keep the URL."""
        self.url = url.partition(";")[0]
        super().__init__(f"engine {self.url!r}: {problem}")
