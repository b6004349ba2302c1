"""An HTML page as data: its elements in order, with what stands in them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict
    children: list = field(default_factory=list)
    words: list = field(default_factory=list)

    def all(self, tag=None, **wanted):
        """Elements inside, in order; `class_` and `data_x` stand for class and data-x."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        for child in self.children:
            kinds = {**child.attributes, "class": None}
            names = (child.attributes.get("class") or "").split()
            fits = all(
                value in names if name == "class" else kinds.get(name) == value for name, value in wanted.items()
            )
            if (tag is None or child.tag == tag) and fits:
                yield child
            yield from child.all(tag, **wanted)

    def one(self, tag=None, **wanted):
        found = list(self.all(tag, **wanted))
        assert len(found) == 1, (tag, wanted, len(found))
        return found[0]

    @property
    def text(self):
        parts = [part if isinstance(part, str) else part.text for part in self.words]
        return " ".join(" ".join(parts).split())

    def __getitem__(self, name):
        return self.attributes[name]


class Reader(HTMLParser):
    """Raises AssertionError where elements are not closed in the order in which they were opened."""

    def __init__(self):
        super().__init__()
        self.root = Element("document", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        self.open[-1].words.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> inside <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].words.append(data)


def read_page(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root
