"""The page's questions over HTTP, as a Starlette application.

What cannot be computed is an answer too: it comes with status 200 and an ``error`` that the page
shows, since browsers report other statuses as faults of the page.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.resources
import json
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import otmaps
from otmaps._colours import COLOURS
from otmaps._explorer._controls import describe_operation
from otmaps._explorer._downloads import DOWNLOADS
from otmaps._explorer._guard import Guard
from otmaps._explorer._library import describe_generator
from otmaps._explorer._present import present
from otmaps._explorer._scoring import scores
from otmaps._explorer._settings import Settings, SettingsError, read_settings
from otmaps._explorer._studio import Studio
from otmaps._explorer._way import way
from otmaps._explorer._worker import Worker

_LARGEST_QUESTION = 2**16  # bytes of settings
LAWS = (
    "normal",
    "uniform(-1, 1)",
    "laplace",
    "logistic",
    "student_t(df=5)",
    "cauchy",
    "exponential",
    "gumbel",
)
"""Priors that the page suggests; any other law may be typed."""


@dataclasses.dataclass(frozen=True)
class Opening:
    """What the page starts with.

    Attributes
    ----------
    model, prior, operation : str
        The first choices; an empty prior is the generator's own.
    laws : tuple of str
        The user's own priors, by name.
    max_upload : int
        The largest model file that is taken, in bytes.
    """

    model: str
    prior: str = ""
    operation: str = "lerp"
    laws: tuple[str, ...] = ()
    max_upload: int = 256 * 2**20


def make_application(studio: Studio, opening: Opening, names: frozenset[str]) -> Guard:
    """The application, guarded; ``names`` are those it answers to."""
    return Guard(_Service(studio, opening).application(), names)


class _Service:
    """The answers, each computed by the one worker."""

    def __init__(self, studio: Studio, opening: Opening) -> None:
        self.studio = studio
        self.opening = opening
        self.worker = Worker()
        self.folder = Path(str(importlib.resources.files("otmaps._explorer") / "static"))

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/catalogue", self.catalogue),
                Route("/present", self._question(present), methods=["POST"]),
                Route("/way", self._question(way), methods=["POST"]),
                Route("/scores", self.scored, methods=["POST"]),
                Route("/models", self.upload, methods=["POST"]),
                Route("/download/{file}", self.download),
                Mount("/static", StaticFiles(directory=self.folder)),
            ]
        )

    async def page(self, _: Request) -> Response:
        return HTMLResponse((self.folder / "index.html").read_text(encoding="utf-8"))

    async def catalogue(self, _: Request) -> Response:
        return await self._answer(self._catalogue)

    def _catalogue(self) -> dict[str, Any]:
        library, vocabulary = self.studio.library, self.studio.vocabulary
        return {
            "version": otmaps.__version__,
            "models": [describe_generator(library[name]) for name in library.names],
            "operations": [
                describe_operation(name, factory, vocabulary)
                for name, factory in vocabulary.operations.items()
            ],
            "laws": [*self.opening.laws, *LAWS],
            "colours": dict(COLOURS),
            "opening": dataclasses.asdict(self.opening),
        }

    def _question(self, compute: Callable[[Studio, Settings], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = await _body(request, _LARGEST_QUESTION)
            return await self._answer(lambda: compute(self.studio, read_settings(body)))

        return endpoint

    async def _answer(self, compute: Callable[[], Any]) -> Response:
        try:
            return JSONResponse(await self._computed(compute))
        except Exception as error:  # noqa: BLE001 - a user's operation raises what it likes
            return JSONResponse({"error": _described(error)})

    async def _computed(self, compute: Callable[[], Any]) -> Any:
        return await asyncio.wrap_future(self.worker.submit(compute))

    async def scored(self, request: Request) -> Response:
        """Lines of JSON: shares that are done, at last the rows or an error."""
        body = await _body(request, _LARGEST_QUESTION)
        return StreamingResponse(self._score_lines(body), media_type="application/x-ndjson")

    async def _score_lines(self, body: bytes) -> AsyncIterator[str]:
        try:
            steps = scores(self.studio, read_settings(body))
            while (found := await self._computed(lambda: next(steps, None))) is not None:
                yield json.dumps(found) + "\n"
        except Exception as error:  # noqa: BLE001 - as above
            yield json.dumps({"error": _described(error)}) + "\n"

    async def upload(self, request: Request) -> Response:
        """Take in the bytes of an ONNX file: a generator, or with ``for`` its classifier."""
        asked = request.query_params
        limit = self.opening.max_upload
        data = await _body(request, limit)
        if len(data) > limit:
            text = f"the file has more than {limit // 2**20} MiB; see otmaps explore --max-upload."
            return JSONResponse({"error": text})
        return await self._answer(lambda: self._taken(data, dict(asked)))

    def _taken(self, data: bytes, asked: dict[str, str]) -> dict[str, Any]:
        file, owner = asked.get("file", "model.onnx"), asked.get("for", "")
        if owner:
            return describe_generator(self.studio.library.add_classifier(data, file, owner))
        prior, dim = asked.get("prior", "").strip(), asked.get("dim", "").strip()
        if not prior:
            raise SettingsError("say which law the latents of this generator follow.")
        if dim and not dim.isdecimal():
            raise SettingsError(f"the latent dimension must be a whole number, got {dim!r}.")
        law = self.studio.vocabulary.law(prior)
        found = self.studio.library.add(data, file, law, int(dim) if dim else None)
        self.studio.forget()
        return describe_generator(found)

    async def download(self, request: Request) -> Response:
        file = request.path_params["file"]
        if file not in DOWNLOADS:
            return Response("There is no such file.\n", status_code=404, media_type="text/plain")
        kind, compute = DOWNLOADS[file]
        try:
            settings = read_settings(request.query_params.get("settings", ""))
            data = await self._computed(lambda: compute(self.studio, settings))
        except Exception as error:  # noqa: BLE001 - as above
            return Response(f"{_described(error)}\n", status_code=400, media_type="text/plain")
        name = f"otmaps-{settings.model}-{settings.operation}-{file}"
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
        disposition = f'attachment; filename="{safe}"'
        return Response(data, media_type=kind, headers={"content-disposition": disposition})


async def _body(request: Request, limit: int) -> bytes:
    """The body of a request; of one that is too large, little more than the limit."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            parts = [b"\0" * (limit + 1)]
            continue  # read to its end: a browser shows no answer before it has sent all
        parts.append(part)
    return b"".join(parts)


def _described(error: Exception) -> str:
    """The message of an error; what nobody foresaw is told on stderr, too."""
    if not isinstance(error, ValueError | TypeError | ArithmeticError | ImportError):
        traceback.print_exception(error)
        return f"{type(error).__name__}: {error}"
    return str(error) or type(error).__name__
