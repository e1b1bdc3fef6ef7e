"""What the help of a command says beyond its options, and the pages of ``otmaps help TOPIC``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

LAWS = """\
LAW is a name with optional parameters, such as normal, uniform(-1, 1), student_t(df=5) or
laplace(0, 2), or a .npy file with a one-dimensional sample. See 'otmaps help laws'.
"""
OPERATIONS = """\
OPERATION is the name of an operation (see 'otmaps ops'), or your own as path/to/file.py:name or
module:name. Naming a file or a module runs its code.
"""


class Topic(NamedTuple):
    """A page: what it is about, and its text, where names in braces stand for lists of terms."""

    headline: str
    text: str


ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "OTMAPS_STORE": "The default store: a directory, or a URL such as s3://bucket/tables. "
        "Without it, the directory tables in the user's cache directory for otmaps.",
        "OTMAPS_SHARED_STORE": "Directories behind the default store, separated as in PATH, that "
        "are read and never written. Without it, otmaps/tables in the system's data directory.",
        "OTMAPS_COPIES": "The directory for local copies of tables from object stores. Without it, "
        "one in the user's cache directory for otmaps.",
        "OTMAPS_DEBUG": "Where it is 1, an error shows its traceback, as with --debug.",
        "NO_COLOR": "Where it is set, nothing is coloured.",
        "FORCE_COLOR": "Where it is set, everything is coloured, in files and pipes too.",
        "COLUMNS": "The width of tables and plots, where the terminal does not say it.",
        "NUMBA_CACHE_DIR": "The directory for compiled code, where the installed package cannot "
        "be written.",
    }
)
_STORES = ("OTMAPS_STORE", "OTMAPS_SHARED_STORE", "OTMAPS_COPIES")

FILES: Mapping[str, str] = MappingProxyType(
    {
        "*.npy": "An array of numbers by numpy.save: latents, or a sample that is a law. Nothing "
        "in it is unpickled.",
        "*.safetensors": "A table in a store, under its key: see the page on the format.",
        "*.toml, *.json": "Grids of operations, parameters and priors, for precompute --grid.",
        "*.tar": "An archive of tables, by store export and for store import.",
        "*.onnx": "A generator or a classifier, for --model and --classifier of demo and explore.",
        "*.pt": "A generator in TorchScript, by torch.jit.save, for --model; naming it runs its "
        "program. Nothing in it is unpickled in Python, and other files of torch are refused.",
        "*.py": "Operations of your own; naming a file runs its code.",
    }
)

EXITS: Mapping[int, str] = MappingProxyType(
    {0: "Done.", 2: "A mistake in what was asked for, or work that could not be done."}
)
INTERRUPTED = {130: "Interrupted."}

TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "laws": Topic(
            "How laws are written, and which there are.",
            """\
A law is a name with optional parameters, as a call in Python: normal, uniform(-1, 1),
student_t(df=5), laplace(loc=0, scale=2). Capitals, hyphens and underscores do not matter. A file
named *.npy with a one-dimensional sample is the law of that sample.

Laws of one component of a latent, whose components are independent:

{scalar_laws}

Laws of whole latents, for 'match', where the number is the dimension; the last axis of the files
holds a latent:

{vector_laws}
""",
        ),
        "environment": Topic(
            "The variables that otmaps reads.",
            """\
{environment}
""",
        ),
        "files": Topic(
            "The kinds of files, and what is done with them.",
            """\
{files}

Results are written whole or not at all: under another name first, then renamed.
""",
        ),
        "exit-status": Topic(
            "What exit codes mean.",
            """\
{exits}

1 tells that the command did its work and that what it looked at does not hold: a map that fails
'check', latents that contradict a prior ('diagnose'), a damaged table ('store verify'), a table
that could not be made ('precompute'), an installation that does not work ('doctor').
""",
        ),
        "json": Topic(
            "What --json prints, and what stays the same in later versions.",
            """\
With --json, stdout holds one JSON document and nothing else. Its names are listed in the help of
each command. In later versions names may be added; none is renamed or removed, and none changes
its meaning, but in a new major version.

NaN is null, and infinities are the texts "inf" and "-inf". Errors of a map and of a law are
numbers, laws and operations the texts that Python shows for them.

What else there is to say goes to stderr, one JSON object in a line:

\b
  {"error": {"message": "...", "exit_code": 2}}
  {"warning": {"message": "...", "kind": "AccuracyWarning"}}
  {"failed": {"message": "..."}}
  {"note": {"message": "..."}}

After an error stdout is empty. -q leaves the document in place.
""",
        ),
    }
)


@dataclasses.dataclass(frozen=True)
class Manual:
    """The sections of a command's help that follow its options.

    Attributes
    ----------
    examples : tuple of str
        Lines that a reader may copy.
    notes : str
        Paragraphs below the examples.
    exits : mapping
        What exit codes mean, beyond `EXITS`.
    json : mapping
        The names at the top of what ``--json`` prints, and what stands there.
    environment : tuple of str
        Names in `ENVIRONMENT`.
    files : tuple of str
        Names in `FILES`.
    """

    examples: tuple[str, ...]
    notes: str = ""
    exits: Mapping[int, str] = dataclasses.field(default_factory=dict)
    json: Mapping[str, str] = dataclasses.field(default_factory=dict)
    environment: tuple[str, ...] = _STORES
    files: tuple[str, ...] = ()

    def sections(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The sections that list terms and what they mean."""
        exits = dict(sorted({**EXITS, **self.exits, **INTERRUPTED}.items()))
        found = [
            ("JSON", list(self.json.items())),
            ("Exit status", [(str(code), meaning) for code, meaning in exits.items()]),
            ("Environment", [(name, ENVIRONMENT[name]) for name in self.environment]),
            ("Files", [(name, FILES[name]) for name in self.files]),
        ]
        return [(title, rows) for title, rows in found if rows]
