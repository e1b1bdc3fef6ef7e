"""The rules of the house that no linter knows.

import-linter holds the layers (`make lint`); it also sees the imports inside functions, so what
is forbidden at module level alone is looked for here, in the syntax trees of the package.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "otmaps"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

# Heavy or optional: imported inside the function that needs them.
NOT_AT_MODULE_LEVEL = {
    "cupy",
    "dask",
    "distributed",
    "fsspec",
    "jax",
    "matplotlib",
    "onnxruntime",
    "ot",
    "plotext",
    "scipy.stats",
    "torch",
}
NOT_LOADED_BY_IMPORT = [
    "cupy",
    "dask",
    "distributed",
    "fsspec",
    "jax",
    "matplotlib",
    "onnxruntime",
    "ot",
    "scipy.stats",
    "torch",
]

# Classes that torch must know by name, in modules that are imported where a tensor is met.
OF_TORCH = {"_backends/_torch.py", "_torch_module.py"}

MAX_MODULE_LINES = 400  # without the examples of docstrings
LONG_MODULES: dict[str, str] = {
    "_kernels/_maps.py": "routes of one table, which share the parts that the compiler inlines",
    "_kernels/_convolution.py": "one loop nest and the formulas that the compiler inlines in it",
    "_distribution.py": "the abstract law and its affine image, which make each other",
    "_priors.py": "a class for each symmetric law, an eighth of it examples",
    "_one_sided_priors.py": "a class for each skewed law, a tenth of it examples",
    "_smoothed.py": "one law, its tails and its bands, with an example for each class",
    "_estimators/_composition.py": "the rules by which one estimator takes a graph apart",
}


def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def statements_run_on_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, those inside if, try and class too."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from statements_run_on_import(statement.orelse)
            continue
        yield statement
        for field in ("body", "orelse", "finalbody"):
            yield from statements_run_on_import(getattr(statement, field, []))
        for block in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from statements_run_on_import(block.body)


def imported_on_import(tree: ast.Module) -> Iterator[str]:
    for statement in statements_run_on_import(tree.body):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("module", MODULES)
def test_heavy_third_parties_are_not_imported_at_module_level(module):
    found = [
        name
        for name in imported_on_import(parse(module))
        if any(is_within(name, heavy) for heavy in NOT_AT_MODULE_LEVEL)
        and not (module in OF_TORCH and is_within(name, "torch"))
    ]
    assert not found, f"otmaps/{module} imports {found} at module level: move it into the function"


def test_the_search_for_imports_sees_every_block():
    source = """
if TYPE_CHECKING:
    import torch
else:
    import a
try:
    import b
except ImportError:
    from c import d
else:
    import e.f
class A:
    with x:
        import g
match 1:
    case 1:
        import h
def function():
    import ot
"""
    assert list(imported_on_import(ast.parse(source))) == ["a", "b", "e.f", "c.d", "g", "h"]


def test_import_is_light():
    code = f"import sys, otmaps; print(*[m for m in {NOT_LOADED_BY_IMPORT} if m in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not loaded, f"import otmaps loads {loaded}"


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short_or_have_a_reason(module):
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    if module in LONG_MODULES:
        assert lines > MAX_MODULE_LINES, f"{module} has become short: remove it from LONG_MODULES"
    else:
        assert lines <= MAX_MODULE_LINES, (
            f"otmaps/{module} has {lines} lines: split it along a noun of the field, "
            "or give the reason in LONG_MODULES"
        )


def test_long_modules_exist():
    assert LONG_MODULES.keys() <= MODULES.keys()


def is_kernel_module(module: str) -> bool:
    return module.startswith("_kernels/")


@pytest.mark.parametrize("module", [*filter(is_kernel_module, MODULES)])
def test_kernels_keep_ieee_arithmetic_and_caches_that_work(module):
    """Fast-math deletes the guards against NaN; two cached gufuncs of one function crash."""
    for node in ast.walk(parse(module)):
        match node:
            case ast.keyword(arg="fastmath", value=value):
                allowed = isinstance(value, ast.Constant) and value.value is False
                assert allowed, f"otmaps/{module}:{value.lineno} asks for fast-math"
            case ast.Name(id="guvectorize") | ast.Attribute(attr="guvectorize"):
                pytest.fail(f"otmaps/{module}:{node.lineno} uses guvectorize")
