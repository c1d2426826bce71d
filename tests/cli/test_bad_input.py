"""What cannot be run is refused with one clear line, before anything is started."""

import re
import sys

import pytest
from commands import ROOT, dataflow, start

from dataflow.cli import main

BROKEN = {
    "missing": "import os\nimport no_such_thing\n",
    "renamed": "from os import no_such_name\n",
    "unfinished": "x = (1,\n",
    "failing": "def f():\n    return 1 / 0\n\nf()\n",
    "library": "import json\njson.loads('{')\n",
    "attributes": (
        "from dataflow import activity\n@activity.with_attributes(version='a:b')\ndef f(): pass\n"
    ),
    "exiting": "import sys\nsys.exit(3)\n",
}


@pytest.fixture
def refused(here, capsys):
    """The line that refuses a command."""

    def refused(*arguments, local=True, code=2):
        command = ["workflow.start", *(["--local"] if local else []), *arguments]
        assert main.run(command) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("error: ")
        return captured.err.removeprefix("error: ").rstrip()

    return refused


def like(pattern, line):
    """Whether a line is as the pattern says, in which ... stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("..."))), line)


# --- which workflow ---------------------------------------------------------------------

NAMES = {
    "flows.Double": "flows has no Double: did you mean flows.Doubles?",
    "flows.Xyz": "flows has no Xyz: its workflows are Doubles, Returns, ... and others",
    "flows:Outer.Inne": "flows has no Outer.Inne: its workflows are ... and others",
    "commands.Nothing": "commands has no Nothing, nor any other Workflow: is it the right module?",
    "no_such_module.Class": "there is no module no_such_module in .../tests/cli or on PYTHONPATH: "
    "run the command in the directory that holds it, or name that directory in PYTHONPATH",
    "flow.Doubles": "there is no module flow: did you mean flows?",
    "json.decodr.X": "there is no module json.decodr: did you mean json.decoder?",
    "json.xyz.X": "there is no module json.xyz in the package json: ...",
    "flows.Outer.Inner": "there is no module flows.Outer, because flows is a module and not a "
    "package: for a class inside a class write flows:Outer.Inner",
    "json.decoder": "json.decoder is a module: name a Workflow class in it, as in ...",
    "flows.time": "time is a module: name a Workflow class in it, as in ...",
    "examples/basic.py": "examples/basic.py names a file: write the module and the class, "
    "examples.basic.Class",
    "./examples/basic.py:Basic": "... names a file: write the module and the class, "
    "examples.basic.Basic",
    "flows.double": "flows.double is an activity: name the Workflow class that submits it",
    "flows.an_object": "flows.an_object is an object: name its class, Doubles",
    "flows.quotient": "flows.quotient is a function and not a Workflow class",
    "flows.Outer": "flows.Outer is not a Workflow: derive the class from dataflow.Workflow",
    "flows.NoRun": "flows.NoRun has no run() method: define it, or name a class that does",
    "dataflow.Workflow": "dataflow.Workflow has no run() method: ...",
    "flows.Abstract": "flows.Abstract is abstract, it lacks part(): name a class that has them",
    "flows.TooManyTags": "flows.TooManyTags: 6 tags: SWF takes at most 5",
}


@pytest.mark.parametrize("name", NAMES)
def test_names(refused, name):
    assert like(NAMES[name], refused(name))


@pytest.mark.parametrize(
    "name", ["", "Doubles", "flows.", ".Doubles", "flows..Doubles", "flows:", ":", "::"]
)
def test_names_that_lack_a_part(refused, name):
    assert like(
        f"{name!r} does not name a workflow: write package.module.Class or package.module:Class",
        refused(name),
    )


def test_a_module_that_is_named_in_place_of_a_class(refused, monkeypatch):
    monkeypatch.chdir(ROOT)
    line = "examples.basic is a module: name a Workflow class in it, as in "
    assert refused("examples.basic") == line + "examples.basic.BasicWorkflow"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("missing", "ModuleNotFoundError: No module named 'no_such_thing' (..., line 2)"),
        ("renamed", "ImportError: cannot import name 'no_such_name' ... (..., line 1)"),
        ("unfinished", "SyntaxError: ... (..., line 1)"),
        ("failing", "ZeroDivisionError: division by zero (..., line 2)"),
        ("library", "json.decoder.JSONDecodeError: Expecting ... (..., line 2)"),
        ("attributes", "ValueError: version='a:b' has ':' in it... (..., line 2)"),
        ("exiting", "SystemExit: 3 (..., line 2)"),
    ],
)
def test_modules_that_cannot_be_imported(refused, tmp_path, monkeypatch, module, line):
    file = tmp_path / f"broken_{module}.py"
    file.write_text(BROKEN[module])
    monkeypatch.chdir(tmp_path)
    told = refused(f"broken_{module}.Class")
    assert like(f"broken_{module} cannot be imported: {line}", told)
    assert str(file) in told


# --- which input ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[1, x]", "--input is not JSON: Expecting value at line 1, column 5; JSON looks like ..."),
        ("[1,\n2", "--input is not JSON: Expecting ',' delimiter at line 2, column 2; ..."),
        ("hello", "--input is not JSON: Expecting value at line 1, column 1; ..."),
        (" ", "--input is empty; JSON looks like ..."),
        ("NaN", "--input is JSON that cannot be used: NaN is no JSON number; use null or ..."),
        ("1e999", "input['args'][0] cannot be encoded: ..."),
        ("[" * 100_000, "--input is JSON that cannot be used: ...recursion..."),
        ("9" * 5_000, "--input is JSON that cannot be used: ..."),
    ],
)
def test_json(refused, text, line):
    assert like(line, refused("flows.Returns", "--input", text))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["flows.Returns"],
            "Returns.run(value) does not take these ...: missing a required ...; --input takes ...",
        ),
        (
            ["flows.Returns", "-i[1, 2]"],
            "Returns.run(value) ...: too many positional arguments; ...",
        ),
        (
            ["flows.Doubles", '-i{"kwargs": {"y": 1}}'],
            "...: got an unexpected keyword ... 'y'; ...",
        ),
        (["flows.Typed", '-i[["a"]]'], "numbers[0] of Typed.run...: Expected `int`, got `str`..."),
    ],
)
def test_arguments_that_run_does_not_take(refused, arguments, line):
    assert like(line, refused(*arguments))


def test_files(refused, tmp_path):
    def refused_file(file):
        return refused("flows.Returns", "--input-file", str(file))

    assert like(
        "cannot read --input-file nope.json: No such file or directory; name a file ...",
        refused_file("nope.json"),
    )
    assert like("...: Is a directory; name a file ...", refused_file(tmp_path))
    file = tmp_path / "input"
    file.write_text('{\n "a": }')
    assert like(f"{file} is not JSON: Expecting value at line 2, column 7; ...", refused_file(file))
    file.write_bytes(b'["\xff"]')
    assert like(f"{file} is not UTF-8 text at byte 2: save ...", refused_file(file))


def test_no_standard_input(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    line = "standard input is closed: give the input with --input"
    assert refused("flows.Returns", "-") == line


@pytest.mark.parametrize(
    "sources", [["-i1", "-"], ["-i1", "--input-file", "x"], ["--input-file", "x", "-"], ["-", "-"]]
)
def test_one_input_is_enough(refused, sources):
    line = "there is more than one input: use one of --input, --input-file and -"
    assert refused("flows.Returns", *sources) == line


def test_arguments_that_are_no_json(refused):
    line = "unexpected '1': the workflow's arguments are JSON, as in --input '[1, 5]'"
    assert refused("flows.Returns", "1", "5") == line


# --- which options ------------------------------------------------------------------------


def test_without_an_engine(refused, tmp_path, monkeypatch):
    monkeypatch.setenv("DATAFLOW_HOME", str(tmp_path))
    assert refused("flows.Doubles", local=False, code=6) == (
        f"no engine runs on {tmp_path}: `dataflow server.start` starts one, and "
        "`dataflow standalone` brings its own"
    )


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--domain=shop"], "--domain goes without --local only"),
        (["--wait"], "--wait goes without --local only"),
    ],
)
def test_options_of_an_engine(refused, options, line):
    assert refused("flows.Doubles", *options) == line


def test_options_of_a_local_run(refused):
    line = "--nb-workers goes with --local only"
    assert refused("flows.Doubles", "--nb-workers=2", local=False) == line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "Missing argument 'WORKFLOW' (see ... workflow.start --help)"),
        (["flows.Doubles", "--nb-workers", "0"], "...'--nb-workers': 0 is not in the range ..."),
        (["flows.Doubles", "--nb-workers", "x"], "...'--nb-workers': 'x' is not a valid int..."),
        (["flows.Doubles", "--format", "xml"], "...'--format': 'xml' is not one of ..."),
        (["flows.Doubles", "--inptu", "1"], "No such option...--inptu..."),
    ],
)
def test_options(refused, arguments, line):
    assert like(line, refused(*arguments))


def test_log_level(refused, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    assert like("LOG_LEVEL=LOUD is not a log level: use one of ...", refused("flows.Doubles"))


def test_commands(here, capsys):
    assert main.run(["workflow.stop"]) == 2
    line = capsys.readouterr().err.rstrip()
    assert like("error: No such command 'workflow.stop'... (see ... --help)", line)


# --- as a process -------------------------------------------------------------------------


@pytest.mark.integration
def test_a_refusal_is_one_line_without_a_traceback():
    done = start("flows.Double")
    assert done == (2, "", "error: flows has no Double: did you mean flows.Doubles?\n")


@pytest.mark.integration
def test_a_refusal_with_its_traceback(tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN["failing"])
    done = start("broken.Class", cwd=tmp_path, LOG_LEVEL="DEBUG")
    assert done.code == 2
    assert "return 1 / 0\n" in done.err
    assert done.err.splitlines()[-1].startswith("error: broken cannot be imported: ")


@pytest.mark.integration
def test_json_has_no_part_in_a_refusal():
    done = dataflow("--format", "json", "workflow.start", "--local", "flows.Double")
    assert (done.code, done.out) == (2, "")


@pytest.mark.integration
def test_a_closed_standard_input():
    done = start("flows.Returns", "-", stdin="")
    assert done == (2, "", "error: standard input is empty; JSON looks like '[1, \"two\", null]'\n")


def test_characters_that_the_encoding_of_the_output_lacks():
    done = start("flows.Doubles", '-i["é"]', PYTHONIOENCODING="ascii")
    assert (done.code, done.out) == (0, "doubled: \\xe9\\xe9\n")
