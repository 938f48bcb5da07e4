"""What a person sees of a start: a line for each part with how long it takes, then what happens to them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ai2.launcher.parts import Part


class Screen:
    """Progress on a terminal; a line for each event elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(finished_text=""),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Show the parts that are on their way, for the length of a block."""
        if not self.console.is_terminal:
            yield
            return
        with self._progress:
            yield

    @contextmanager
    def busy(self, title: str) -> Iterator[None]:
        """Show that something is being done; say that it is done, and how long it took."""
        task, began = self._progress.add_task(escape(title)), time.monotonic()
        try:
            yield
        finally:
            self._progress.remove_task(task)
        self.say(f"[green]✓[/] {escape(title)} [dim]{time.monotonic() - began:.1f} s[/]")

    def trouble(self, sentence: str, log: object = None, words: str = "") -> None:
        """Something went wrong: what, where its log is, and the last of it."""
        self.say(f"[red]✗[/] {escape(sentence)}" + (f" Its log: {escape(str(log))}" if log else ""))
        for line in words.splitlines():
            self.say(f"    [dim]{escape(line)}[/]")

    def skipped(self, part: Part, because: str) -> None:
        self.say(f"[yellow]–[/] {escape(part.title)}: left out, because {escape(because)} did not come up")

    def say(self, markup: str) -> None:
        self.console.print(markup)
