"""As much of Ray as `RayEngine` asks for, in this process: actors are objects, and questions to them are threads."""

import threading
from concurrent import futures
from contextlib import suppress
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    pass


class FakeRay:
    """`options` holds those of every actor. An actor is lost after so many items as `patience` says, the first ones."""

    exceptions = SimpleNamespace(RayError=RayError)

    def __init__(self, patience: tuple[int, ...] = ()) -> None:
        self.patience = list(patience)
        self.actors: list[_Handle] = []

    def remote(self, kind: type) -> Any:
        def options(**given: Any) -> Any:
            return SimpleNamespace(remote=lambda *args: self._begun(kind(*args), given))

        return SimpleNamespace(options=options)

    def _begun(self, actor: Any, given: dict[str, Any]) -> "_Handle":
        left = self.patience.pop(0) if self.patience else None
        self.actors.append(_Handle(self, actor, given, left))
        return self.actors[-1]

    def get(self, ref: futures.Future, timeout: float | None = None) -> Any:
        try:
            return ref.result(timeout)
        except TimeoutError:
            raise RayError("nobody answers") from None

    def wait(self, refs: list[futures.Future], *, num_returns: int, timeout: float) -> tuple[list, list]:
        done, waiting = futures.wait(refs, timeout, futures.FIRST_COMPLETED)
        return list(done)[:num_returns], list(waiting)

    def kill(self, handle: "_Handle") -> None:
        handle.lose()


class _Handle:
    def __init__(self, ray: FakeRay, actor: Any, options: dict[str, Any], left: int | None) -> None:
        self.ray, self.actor, self.options, self.left = ray, actor, options, left
        self.lost, self.pending = False, []

    def lose(self) -> None:
        self.lost = True
        for ref in self.pending:
            with suppress(futures.InvalidStateError):
                ref.set_exception(RayError("the actor died"))

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=lambda *args: self._ask(name, args))

    def _ask(self, name: str, args: tuple[Any, ...]) -> futures.Future:
        ref: futures.Future = futures.Future()
        self.pending.append(ref)
        if name == "give":
            self.left = None if self.left is None else self.left - 1
        if self.lost or (self.left is not None and self.left < 0):
            self.lose()
            return ref

        def answer() -> None:
            found = ("elsewhere", 0) if name == "home" else getattr(self.actor, name)(*args)
            with suppress(futures.InvalidStateError):  # the actor was lost meanwhile
                ref.set_result(found)

        threading.Thread(target=answer, daemon=True).start()  # `said` of a lost actor waits for ever
        return ref
