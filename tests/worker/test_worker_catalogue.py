"""How activities are found, and what is not done to find them."""

import importlib
import sys
import textwrap
import threading

import pytest

from dataflow.process.catalogue import Catalogue, UnknownActivity

FILES = {
    "shop/__init__.py": """
        from dataflow import activity

        @activity.with_attributes()
        def open_shop(): ...
    """,
    "shop/till.py": """
        from dataflow import activity

        @activity.with_attributes()
        def charge(): ...

        @activity.with_attributes(name="shop.till.pay", version="1")
        def pay_1(): ...

        @activity.with_attributes(name="shop.till.pay", version="2")
        def pay_2(): ...

        @activity.with_attributes(name="refund")
        def pay_back(): ...

        def plain():
            raise AssertionError("called")

        class Plain:
            def __init__(self):
                raise AssertionError("called")

        class Desk:
            @activity.with_attributes(name="shop.till.Desk.ring")
            def ring(): ...

        class SpecialDesk(Desk):
            pass

        def __getattr__(name):
            if name.startswith("__"):
                raise AttributeError  # importing asks for such names
            raise AssertionError("asked for " + name)
    """,
    "shop/broken.py": """
        raise RuntimeError("no till here")
    """,
    "shop/lacking.py": """
        import a_module_that_nobody_has
    """,
    "shop/leaving.py": """
        raise SystemExit(0)
    """,
    "bazaar.py": """
        from shop.till import charge
        import sys
        sys.imported.append("bazaar")
    """,
}


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "imported", [], raising=False)
    yield tmp_path
    for name in list(sys.modules):
        if name.partition(".")[0] in {"shop", "bazaar", "slow"}:
            del sys.modules[name]


def module(name):
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("shop.open_shop", "default"),
        ("shop.till.charge", "default"),
        ("shop.till.pay", "1"),
        ("shop.till.pay", "2"),
        ("shop.till.Desk.ring", "default"),
    ],
)
def test_found_by_the_module_in_its_name(name, version):
    found = Catalogue().find(name, version)
    assert (found.name, found.version) == (name, version)


def test_the_answer_is_remembered(files):
    catalogue = Catalogue()
    found = catalogue.find("shop.till.charge", "default")
    del sys.modules["shop.till"]
    (files / "shop/till.py").unlink()
    assert catalogue.find("shop.till.charge", "default") is found


def test_a_name_that_is_no_module_in_what_is_imported():
    with pytest.raises(UnknownActivity, match="no activity refund, and there is no module refund"):
        Catalogue().find("refund", "default")
    module("shop.till")
    assert Catalogue().find("refund", "default").name == "refund"


@pytest.mark.parametrize("name", ["refund", "shop.till.charge", "shop.till.Desk.ring"])
def test_a_module_that_may_be_imported_is_searched(name):
    assert Catalogue(["shop.till"]).find(name, "default").name == name


def test_a_name_that_is_no_module_in_what_may_not_be_imported():
    module("shop.till")
    with pytest.raises(UnknownActivity, match=r"imports only what is in json, csv$"):
        Catalogue(["json", "csv"]).find("refund", "default")


def test_what_a_module_has_imported_is_found_there_too():
    assert Catalogue(["bazaar"]).find("shop.till.charge", "default").name == "shop.till.charge"


@pytest.mark.parametrize("prefix", ["bazaa", "bazaar.stall", "json"])
def test_nothing_is_imported_that_is_not_allowed(prefix):
    with pytest.raises(UnknownActivity, match=f"imports only what is in {prefix}"):
        Catalogue([prefix]).find("bazaar.anything", "default")
    # To import what is in a package, Python imports the package.
    assert sys.imported == (["bazaar"] if prefix == "bazaar.stall" else [])


def test_prefixes_that_are_no_modules_are_told_of():
    problem = "imports only what is in sho, json; ModuleNotFoundError: No module named 'sho'"
    with pytest.raises(UnknownActivity, match=problem):
        Catalogue(["sho", "json"]).find("shop.open_shop", "default")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("shop.till.plain", "shop.till has no activity shop.till.plain: its plain is no activity"),
        ("shop.till.Plain", "its Plain is no activity, make it one with @activity.with_attributes"),
        ("shop.till.pay_back", "its pay_back is named refund"),
        ("shop.till.missing", "shop.till has no activity shop.till.missing$"),
        ("shop.till.charge.name", "shop.till has no activity shop.till.charge.name$"),
        ("shop.till.SpecialDesk.ring", "its SpecialDesk.ring is named shop.till.Desk.ring"),
        ("shop.missing.charge", "shop has no activity shop.missing.charge$"),
        ("no_such.module.charge", "and there is no module no_such$"),
        ("os.system", "os has no activity os.system: its system is no activity"),
        ("shop.broken.f", "shop.broken.f cannot be had: RuntimeError: no till here"),
        ("shop.lacking.f", "cannot be had: ModuleNotFoundError: No module named 'a_module_that"),
        ("shop.leaving.f", "ends the program when it is imported: SystemExit"),
        ("..shop.till.charge", "this worker has no activity ..shop.till.charge"),
        ("shop..charge", "this worker has no activity shop..charge"),
        ("shop till.charge", "this worker has no activity shop till.charge"),
        ("__main__.work", "__main__.work is in a script, which another process cannot import"),
        (".", "this worker has no activity ."),
    ],
)
def test_not_found(name, problem):
    with pytest.raises(UnknownActivity, match=problem):
        Catalogue().find(name, "default")


def test_another_version():
    problem = "the task asks for version 3 of shop.till.pay; this worker has 1, 2"
    with pytest.raises(UnknownActivity, match=problem):
        Catalogue().find("shop.till.pay", "3")


def test_a_module_that_is_broken_is_the_cause():
    with pytest.raises(UnknownActivity) as raised:
        Catalogue().find("shop.broken.f", "default")
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_what_was_broken_may_be_mended(files):
    catalogue = Catalogue()
    with pytest.raises(UnknownActivity):
        catalogue.find("shop.broken.charge", "default")
    text = "from dataflow import activity\ncharge = activity.with_attributes()(lambda: 0)\n"
    text = text.replace("()(", "(name='shop.broken.charge')(")
    (files / "shop/broken.py").write_text(text + "# longer than before\n" * 9)
    assert catalogue.find("shop.broken.charge", "default").name == "shop.broken.charge"


def test_objects_that_do_work_when_they_are_looked_at_are_left_alone(monkeypatch):
    class Lazy:
        @property
        def __class__(self):
            raise AssertionError("looked at")

    monkeypatch.setattr(module("shop"), "lazy", Lazy(), raising=False)
    with pytest.raises(UnknownActivity):
        Catalogue().find("refund", "default")


def test_a_module_that_another_thread_is_importing_is_waited_for(files, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(sys, "begun", begun, raising=False)
    monkeypatch.setattr(sys, "go_on", go_on, raising=False)
    (files / "slow.py").write_text(
        "import sys\n"
        "from dataflow import activity\n"
        "sys.begun.set()\n"
        "assert sys.go_on.wait(60)\n"
        "work = activity.with_attributes(name='slow.work')(lambda: 0)\n"
    )
    catalogue, found = Catalogue(), []

    def find():
        found.append(catalogue.find("slow.work", "default"))

    threads = [threading.Thread(target=find) for _ in range(2)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    threads[1].join(0.05)
    go_on.set()
    for thread in threads:
        thread.join()
    assert [activity.name for activity in found] == ["slow.work"] * 2
