"""Reading a page as a browser would, as far as tests ask for it."""

import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input"}
HEADINGS = {"h1", "h2", "h3", "summary", "caption", "th", "title", "style"}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children, self.texts = [], []

    @property
    def chain(self):
        element = self
        while element is not None:
            yield element
            element = element.parent

    def find(self, tag, **attributes):
        found = []
        for child in self.children:
            if child.tag == tag and all(
                child.attributes.get(k.rstrip("_")) == v for k, v in attributes.items()
            ):
                found.append(child)
            found += child.find(tag, **attributes)
        return found

    @property
    def text(self):
        parts = [part if isinstance(part, str) else part.text for part in self.texts]
        return re.sub(r"\s+", " ", "".join(parts)).strip()

    @property
    def everything(self):
        return [self, *(e for child in self.children for e in child.everything)]

    @property
    def rows(self):
        return [[cell.text for cell in row.children] for row in self.find("tr")]


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = self.open = Element("", {}, None)

    def handle_starttag(self, tag, attributes):
        element = Element(tag, dict(attributes), self.open)
        self.open.children.append(element)
        self.open.texts.append(element)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.tag == tag, f"<{self.open.tag}> is closed by </{tag}>"
        self.open = self.open.parent

    def handle_data(self, data):
        self.open.texts.append(data)


def read_page(page) -> Element:
    reader = _Reader()
    reader.feed(page)
    assert reader.open is reader.root, f"<{reader.open.tag}> is not closed"
    return reader.root


def places(content, path):
    """All (container, key) that a data-field names; an error if it names nothing."""
    keys = re.findall(r"[^.\[\]]+|\[\d*\]", path)
    found = [content]
    for step, key in enumerate(keys):
        last, following = step == len(keys) - 1, []
        for container in found:
            if key == "[]":
                chosen = list(range(len(container)))
            elif key.startswith("["):
                chosen = [int(key[1:-1])]
            else:
                chosen = [key]
            following += [(container, k) if last else container[k] for k in chosen]
            for k in chosen:
                container[k]  # must be there
        found = following
    return found
