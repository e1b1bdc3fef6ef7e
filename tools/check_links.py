"""Whether every link inside a built site leads somewhere: python tools/check_links.py build/docs.

Looks at the links, pictures, scripts and style sheets of every page, and at the anchors that
links name. Nothing is fetched: what leads to another host is not looked at.
"""

from __future__ import annotations

import argparse
import html.parser
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

SOURCES = {"a": "href", "img": "src", "link": "href", "script": "src", "source": "src"}


class Page(NamedTuple):
    """What a page offers as anchors, and where its links lead."""

    anchors: frozenset[str]
    links: tuple[str, ...]


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.update(value for key in ("id", "name") if (value := given.get(key)))
        if (target := given.get(SOURCES.get(tag, ""))) is not None:
            self.links.append(target)


def read(path: Path) -> Page:
    """The anchors and the links of a page."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return Page(frozenset(reader.anchors), tuple(reader.links))


def broken(site: Path) -> list[str]:
    """One line for each link that leads nowhere."""
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.is_file():
                faults.append(f"{path.relative_to(site.resolve())}: no file {link}")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                faults.append(f"{path.relative_to(site.resolve())}: no anchor {link}")
    return faults


def main() -> int:
    """Print what is broken; the exit code is 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path, help="the folder of the built site")
    site = parser.parse_args().site
    if not (site / "index.html").is_file():
        sys.stderr.write(f"{site} holds no index.html: build the site first.\n")
        return 1
    faults = broken(site)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
