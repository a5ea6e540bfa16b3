"""Undefined names that an import would define."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import lru_cache

from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.rules.names import undefined_name

# Names that people use without thinking of the module they come from.
_FROM = {
    "abc": "ABC abstractmethod", "argparse": "ArgumentParser Namespace",
    "base64": "b64decode b64encode", "collections":
    "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "collections.abc": "Callable Generator Iterable Iterator Mapping MutableMapping Sequence",
    "concurrent.futures": "ProcessPoolExecutor ThreadPoolExecutor as_completed",
    "contextlib": "closing contextmanager asynccontextmanager suppress nullcontext ExitStack",
    "copy": "deepcopy", "dataclasses": "asdict astuple dataclass field replace",
    "datetime": "date timedelta timezone", "decimal": "Decimal", "difflib":
    "SequenceMatcher get_close_matches", "enum": "Enum Flag IntEnum IntFlag StrEnum auto",
    "fractions": "Fraction", "functools":
    "cache cached_property lru_cache partial reduce singledispatch total_ordering wraps",
    "hashlib": "md5 sha1 sha256 sha512", "heapq": "heapify heappop heappush nlargest nsmallest",
    "io": "BytesIO StringIO TextIOWrapper", "itertools":
    "accumulate chain combinations count cycle groupby islice pairwise permutations product "
    "repeat starmap takewhile zip_longest",
    "math": "ceil cos exp floor gcd hypot isclose isnan log log10 log2 pi prod sin sqrt tan",
    "operator": "attrgetter itemgetter", "pathlib": "Path PurePath PurePosixPath",
    "pprint": "pformat pprint", "queue": "PriorityQueue Queue", "random":
    "choice choices randint randrange sample shuffle uniform", "shutil": "copyfile copytree rmtree",
    "statistics": "mean median mode stdev variance", "string": "ascii_letters ascii_lowercase",
    "subprocess": "CalledProcessError Popen check_call check_output", "tempfile":
    "NamedTemporaryFile TemporaryDirectory", "textwrap": "dedent indent", "threading":
    "Event Lock RLock Thread", "time": "monotonic perf_counter sleep", "types":
    "MappingProxyType ModuleType SimpleNamespace", "typing":
    "Annotated Any BinaryIO Callable ClassVar Dict Final FrozenSet Generic IO Iterable List "
    "Literal NamedTuple NewType NoReturn Optional Protocol Self Set TextIO Tuple Type "
    "TypeAlias TypeVar TypedDict Union cast overload", "unittest": "TestCase mock", "unittest.mock":
    "AsyncMock MagicMock Mock patch", "urllib.parse": "parse_qs quote unquote urlencode urljoin "
    "urlparse urlsplit", "urllib.request": "urlopen", "uuid": "UUID uuid4", "warnings": "warn",
    "zoneinfo": "ZoneInfo",
}  # fmt: skip
_MODULE_OF = {name: module for module, names in reversed(_FROM.items()) for name in names.split()}
_ALIASES = {
    "np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "sns": "seaborn", "tf": "tensorflow",
    "dt": "datetime", "ET": "xml.etree.ElementTree", "sp": "scipy", "nx": "networkx",
    "mp": "multiprocessing", "sa": "sqlalchemy",
}  # fmt: skip
# Modules whose own main class carries their name.
_SAME_NAME = {"datetime", "pprint", "copy", "glob", "time"}
_CLASS_METHODS = "now|utcnow|today|strptime|fromisoformat|fromtimestamp|combine|min|max"
_JOKES = {"this", "antigravity"}  # an undefined `this` means self


def hints(document: Document, diagnostic: Diagnostic) -> list[str]:
    name = undefined_name(diagnostic)
    return import_lines(document, name, _flagged(document, diagnostic))[:2] if name else []


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    name = undefined_name(problem.diagnostic)
    if name:
        for line in import_lines(document, name, "\n".join(problem.flagged)):
            yield Replacement(kind="import", lines=(line,))


def import_lines(document: Document, name: str, flagged: str) -> list[str]:
    """Import lines that would define `name` as `flagged` uses it, best first."""
    lines: list[str] = []
    used_as_module = re.search(rf"(?<![\w.]){re.escape(name)}\s*\.\s*\w", flagged) is not None
    called = re.search(rf"(?<![\w.]){re.escape(name)}\s*\(", flagged) is not None
    is_module = name in sys.stdlib_module_names and name not in _JOKES and name[:1] != "_"
    as_class = re.search(rf"\b{re.escape(name)}\.({_CLASS_METHODS})\b", flagged) is not None
    if name in _SAME_NAME and (called or as_class):
        lines.append(f"from {name} import {name}")
    if is_module and used_as_module:
        lines.append(f"import {name}")
    if name in _MODULE_OF:
        lines.append(f"from {_MODULE_OF[name]} import {name}")
    if name in _ALIASES and _installed(_ALIASES[name].split(".")[0]):
        lines.append(f"import {_ALIASES[name]} as {name}")
    other = not is_module and name not in _JOKES
    if other and used_as_module and (_sibling(document, name) or _installed(name)):
        lines.append(f"import {name}")
    return list(dict.fromkeys(lines))


def _flagged(document: Document, diagnostic: Diagnostic) -> str:
    lines = document.lines()
    return "".join(lines[diagnostic.span.start_line : diagnostic.span.end_line + 1])


def _sibling(document: Document, name: str) -> bool:
    if document.path is None or not name.isidentifier():
        return False
    folder = document.path.parent
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


@lru_cache(maxsize=1024)
def _installed(name: str) -> bool:
    """True when a top-level module of that name can be imported; nothing is executed."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


_IMPORT = re.compile(
    r"\A(?:from\s+(?P<module>[\w.]+)\s+import\s+(?P<names>.+)|import\s+(?P<all>.+))"
)
_UNSAFE_TO_IMPORT = {"this", "antigravity", "idlelib", "turtledemo", "test", "__main__"}


def importable(document: Document, line: str) -> bool:
    """False for an import line that names what does not exist; True for any other line.

    A top-level module counts when it is in the standard library or installed here, lies beside the
    document, or is imported by the document already. Names are looked up in the standard library
    only: nothing else is executed.
    """
    match = _IMPORT.match(line.split("#")[0].strip())
    if match is None:
        return True
    if match["module"] is None:
        modules = [part.split(" as ")[0].strip() for part in match["all"].split(",")]
        return all(_known(document, module) for module in modules)
    module = match["module"]
    if module.startswith("."):
        return True
    names = [part.split(" as ")[0].strip(" ()\t") for part in match["names"].split(",")]
    return _known(document, module) and all(offers(module, name) for name in names if name)


def _known(document: Document, module: str) -> bool:
    top = module.split(".")[0]
    if not top.isidentifier():
        return False
    if top in sys.stdlib_module_names:
        return module == top or _installed(module)
    if re.search(rf"^\s*(?:import|from)\s+{top}\b", document.text, re.MULTILINE):
        return True
    return _installed(top) or _sibling(document, top)


@lru_cache(maxsize=1024)
def offers(module: str, name: str) -> bool:
    """Does a module of the standard library have `name`? True for all others."""
    if module.split(".")[0] not in sys.stdlib_module_names or name == "*":
        return True
    if module.split(".")[0] in _UNSAFE_TO_IMPORT:
        return False
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        return importlib.util.find_spec(f"{module}.{name}") is not None
    except Exception:  # a module of another platform
        return False
