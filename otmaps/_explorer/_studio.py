"""What every answer is made from: generators, latents, matched operations, images."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._built_in import barycenter
from otmaps._distribution import Distribution
from otmaps._explorer._controls import Control, controls_of
from otmaps._explorer._library import Library
from otmaps._explorer._png import png_bytes
from otmaps._explorer._settings import Settings, SettingsError, Vocabulary
from otmaps._explorer._treatments import TOL, Apply, Bench, make_bench
from otmaps._match import match
from otmaps.demo._conditions import prior_draws
from otmaps.demo._generators import Generator

Array = npt.NDArray[Any]

_DRAWS = 2000  # latents behind a histogram; the first of them are shown
_FEWEST_DRAWS = 100
_COMPONENTS = 2**20  # of them, where latents are long: then fewer are drawn
_STREAM = 31  # of random numbers: the demo draws from others
_BENCHES = 256  # kept, each a law and a map


class Studio:
    """Generators, latents and matched operations; those used lately are kept.

    Not for several threads at once.
    """

    def __init__(self, library: Library, vocabulary: Vocabulary) -> None:
        self.library = library
        self.vocabulary = vocabulary
        self._bench = functools.lru_cache(_BENCHES)(self._new_bench)
        self._draws = functools.lru_cache(8)(self._new_draws)
        self._mean = functools.lru_cache(_BENCHES)(self._new_mean)
        self._law = functools.lru_cache(64)(vocabulary.law)

    def forget(self) -> None:
        """Drop what was kept: a generator has changed."""
        self._bench.cache_clear()
        self._draws.cache_clear()
        self._mean.cache_clear()

    def generator(self, settings: Settings) -> Generator:
        """The generator of the settings."""
        return self.library[settings.model]

    def prior(self, settings: Settings) -> Distribution:
        """The prior of the settings: by default what the generator was trained on."""
        if not settings.prior:
            return self.generator(settings).prior
        return self._law(settings.prior)

    def controls(self, settings: Settings) -> tuple[Control, ...]:
        """The controls of the operation of the settings."""
        known = self.vocabulary.operations
        if settings.operation not in known:
            raise SettingsError(
                f"there is no operation {settings.operation!r}; there are {', '.join(known)}."
            )
        return controls_of(known[settings.operation], self.vocabulary)

    def bench(self, settings: Settings, **changed: Any) -> Bench:
        """The treatments of the settings, with some parameters changed."""
        self.controls(settings)
        values = tuple(sorted({**settings.parameters, **changed}.items()))
        return self._bench(settings.model, settings.prior, settings.operation, values)

    def _new_bench(
        self, model: str, prior: str, operation: str, values: tuple[tuple[str, Any], ...]
    ) -> Bench:
        settings = Settings(model, prior, operation)
        factory = self.vocabulary.operations[operation]
        law, dim = self.prior(settings), self.generator(settings).dim
        return make_bench(factory, dict(values), law, dim, self.vocabulary)

    def matched_mean(self, settings: Settings, parts: tuple[int, ...], points: Array) -> Array:
        """The matched mean of points with whole numbers as weights, whose sum is the whole.

        Equal weights in another order share a map.
        """
        order = sorted((part, index) for index, part in enumerate(parts) if part)
        key = tuple(part for part, _ in order)
        mean = self._mean(settings.model, settings.prior, key)
        return np.asarray(mean(*(points[index] for _, index in order)))

    def _new_mean(self, model: str, prior: str, parts: tuple[int, ...]) -> Apply:
        weights = [part / sum(parts) for part in parts]
        law = self.prior(Settings(model, prior, ""))
        return match(barycenter(weights), law, tol=TOL, store=None)

    def latents(self, settings: Settings, count: int, n: int = 0) -> Array:
        """Draws from the prior, of shape (count, n, dim), or as many as a histogram needs."""
        affordable = max(_FEWEST_DRAWS, _COMPONENTS // self.generator(settings).dim)
        n = n or min(_DRAWS, affordable)
        return self._draws(settings.model, settings.prior, settings.seed, count, n)

    def _new_draws(self, model: str, prior: str, seed: int, count: int, n: int) -> Array:
        settings = Settings(model, prior, "")
        shape = (count, n, self.generator(settings).dim)
        draws = prior_draws(self.prior(settings), shape, np.random.default_rng([seed, _STREAM]))
        draws.setflags(write=False)
        return draws

    def results(self, settings: Settings, n: int = 0) -> tuple[Bench, dict[str, Array]]:
        """The bench, and the results of each treatment, of shape (n, dim)."""
        bench = self.bench(settings)
        z = self.latents(settings, len(bench.operation.latents), n)
        return bench, {name: np.asarray(apply(*z)) for name, apply in bench.treatments.items()}

    def images(self, settings: Settings, latents: Array) -> Array:
        """Images (..., C, H, W) of latents (..., dim)."""
        flat = latents.reshape(-1, latents.shape[-1]).astype(np.float32, copy=False)
        images = self.generator(settings).images(flat)
        return images.reshape(*latents.shape[:-1], *images.shape[1:])


def picture(pixels: Array, text: str) -> Mapping[str, Any]:
    """Pixels (height, width, 4) as the page takes them, with words for who does not see them."""
    data = base64.b64encode(png_bytes(pixels)).decode("ascii")
    height, width = pixels.shape[:2]
    return {
        "src": f"data:image/png;base64,{data}",
        "width": width,
        "height": height,
        "alt": text,
    }
