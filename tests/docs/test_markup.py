"""The documents are what reStructuredText says they are: a broken table shows as an error."""

from pathlib import Path

import docutils.core
import docutils.writers
import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.rst"), *ROOT.glob("docs/*.rst")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_has_no_errors(document):
    # From warnings on; what is found is raised.
    settings = {"report_level": 2, "halt_level": 2}
    writer = docutils.writers.get_writer_class("html")()
    html = docutils.core.publish_string(
        document.read_text(), writer=writer, settings_overrides=settings
    )
    assert b"<html" in html
